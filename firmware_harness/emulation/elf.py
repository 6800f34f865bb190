"""What a linked ELF file takes on a board, section by section."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeblur.errors import missing_package


@dataclass(frozen=True)
class Section:
    """A section that takes memory on the board.

    Attributes:
        name: as linked.
        size_bytes: of it.
        in_flash: its contents come from flash.
        in_ram: it can be written to; initialised variables are both.
        is_code: it is executed.
    """

    name: str
    size_bytes: int
    in_flash: bool
    in_ram: bool
    is_code: bool


@dataclass(frozen=True)
class Linked:
    """The sections of an ELF file that take memory, in the order of the file."""

    sections: tuple[Section, ...]

    @property
    def flash_bytes(self) -> int:
        """Code, constants and the first values of variables."""
        return sum(section.size_bytes for section in self.sections if section.in_flash)

    @property
    def ram_bytes(self) -> int:
        """`.data`, `.bss` and the reserved `.stack`."""
        return sum(section.size_bytes for section in self.sections if section.in_ram)

    @property
    def code_bytes(self) -> int:
        """Everything that is executed, start-up code and C library included."""
        return sum(section.size_bytes for section in self.sections if section.is_code)

    def size_bytes(self, name: str) -> int:
        """Of one section; 0 if there is none of that name."""
        return sum(section.size_bytes for section in self.sections if section.name == name)


def require_elftools() -> None:
    """Raise the `UserError` for a missing pyelftools, before anything is built."""
    try:
        import elftools  # noqa: F401
    except ImportError as error:
        raise missing_package("pyelftools", "boards", error) from error


def read_elf(path: Path) -> Linked:
    """The sections of a linked ELF file.

    Raises:
        UserError: pyelftools is not installed.
    """
    require_elftools()
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    found = []
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            flags, size = section["sh_flags"], section["sh_size"]
            if flags & SH_FLAGS.SHF_ALLOC and size:
                stored = section["sh_type"] != "SHT_NOBITS"
                writable, code = bool(flags & SH_FLAGS.SHF_WRITE), bool(flags & SH_FLAGS.SHF_EXECINSTR)
                found.append(Section(section.name, size, stored, writable, code))
    return Linked(tuple(found))


def function_at(path: Path, address: int) -> str | None:
    """The function of an ELF file that an address lies in; None if it lies in none."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with path.open("rb") as file:
        tables = [s for s in ELFFile(file).iter_sections() if isinstance(s, SymbolTableSection)]
        for symbol in (symbol for table in tables for symbol in table.iter_symbols()):
            start = symbol["st_value"] & ~1  # Thumb functions have the lowest bit set
            if symbol["st_info"]["type"] == "STT_FUNC" and start <= address < start + symbol["st_size"]:
                return str(symbol.name)
    return None


def contents(path: Path) -> bytes:
    """All that a linked ELF file puts into a board's memory, with its places there: the same for the same firmware."""
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    parts = []
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            if section["sh_flags"] & SH_FLAGS.SHF_ALLOC:
                parts.append(f"{section.name} {section['sh_addr']} {section['sh_size']}\n".encode())
                parts.append(section.data() if section["sh_type"] != "SHT_NOBITS" else b"")
    return b"".join(parts)


_BOOT_BYTES = 252
"""Of the second stage, before its CRC-32."""


def seal_boot(path: Path) -> None:
    """Fill in the CRC-32 of the second stage that an RP2040's boot ROM checks (RP2040 datasheet, 2.8.1.3.1).

    Args:
        path: a linked file with a section `.boot2` of 256 bytes.
    """
    from elftools.elf.elffile import ELFFile

    with path.open("r+b") as file:
        section = ELFFile(file).get_section_by_name(".boot2")
        stage, at = section.data()[:_BOOT_BYTES], section["sh_offset"] + _BOOT_BYTES
        file.seek(at)
        file.write(boot_crc32(stage).to_bytes(4, "little"))


def boot_crc32(data: bytes) -> int:
    """The boot ROM's CRC-32: polynomial 0x04C11DB7, most significant bit first, begun with ones."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc
