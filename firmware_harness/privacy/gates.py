"""What a model's privacy measures must fulfil, and the sentence that says where they fall short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edgeblur.errors import RunError, UserError
from edgeblur.firmware_harness.privacy.protection import Privacy, PrivacyOptions


@dataclass(frozen=True)
class PrivacyGates:
    """Limits for a model on its photos; None asks nothing. A figure that is unknown fails its gate.

    Attributes:
        max_leak: share of faces that the detector which finds most may still find, 0 to 1.
        max_rank1: share of faces that may be found at rank 1 among the clear ones, 0 to 1.
        max_parrot: the same among faces blurred alike.
        max_changed: share of face-free photos that may be visibly changed, 0 to 1.
        min_outside_db: PSNR outside the masks at least.
    """

    max_leak: float | None = None
    max_rank1: float | None = None
    max_parrot: float | None = None
    max_changed: float | None = None
    min_outside_db: float | None = None

    @property
    def asked(self) -> list[str]:
        """The options of the gates that ask something."""
        gates = {
            "max_leak": self.max_leak,
            "max_rank1": self.max_rank1,
            "max_parrot": self.max_parrot,
            "max_changed": self.max_changed,
            "min_outside": self.min_outside_db,
        }
        return [name for name, limit in gates.items() if limit is not None]

    def check_answerable(self, options: PrivacyOptions | None) -> None:
        """Refuse, before anything runs, a gate whose measure was not asked.

        Raises:
            UserError: as it says.
        """
        if not self.asked:
            return
        if options is None:
            raise UserError(
                "gates of privacy need the privacy measures: ask for them", options=(self.asked[0], "privacy")
            )
        if self.max_leak is not None and not options.detectors:
            raise UserError("a maximum of leaks needs a detector: name one", options=("max_leak", "detector"))
        if (self.max_rank1 is not None or self.max_parrot is not None) and not options.identity:
            raise UserError(
                "a maximum of identified faces needs the face embedding: do not leave identity out",
                options=("max_rank1", "max_parrot", "no_identity"),
            )

    def check(self, privacy: Privacy) -> None:
        """Fail where a model falls short.

        Raises:
            RunError: one sentence about all gates that failed.
        """
        failed = list(self._failures(privacy))
        if failed:
            raise RunError("; ".join(sentence for _, sentence in failed), options=tuple(name for name, _ in failed))

    def _failures(self, privacy: Privacy) -> Iterator[tuple[str, str]]:
        """The option of each gate that failed, and a sentence."""
        model = privacy.model
        worst, identity, outside = model.worst_leak, model.identity, model.fidelity.outside
        by = f" by {worst.detector}" if worst else ""
        yield from _above(f"leak rate{by}", worst.rate if worst else None, "max_leak", self.max_leak)
        yield from _above("rank-1 retrieval", identity.rank1 if identity else None, "max_rank1", self.max_rank1)
        parrot = identity.parrot_rank1 if identity else None
        yield from _above("rank-1 under the parrot attack", parrot, "max_parrot", self.max_parrot)
        changed = model.over_blur.face_free_changed_rate
        yield from _above("share of face-free photos changed", changed, "max_changed", self.max_changed)
        if self.min_outside_db is None:
            return
        if outside is None:
            yield "min_outside", "PSNR outside the masks is unknown"
        elif outside.psnr_db < self.min_outside_db:
            minimum = f"{self.min_outside_db:g}"
            yield "min_outside", f"PSNR outside the masks is {outside.psnr_db:.2f} dB, and the minimum is {minimum}"


def _above(what: str, share: float | None, option: str, limit: float | None) -> Iterator[tuple[str, str]]:
    if limit is None:
        return
    if share is None:
        yield option, f"{what} is unknown for want of faces or face-free photos"
    elif share > limit:
        yield option, f"{what} is {share:.1%}, and the maximum is {limit:.1%}"
