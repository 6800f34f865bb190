/* SPDX-License-Identifier: Apache-2.0 */
/* The second stage that the RP2040's boot ROM wants at the beginning of flash (RP2040 datasheet, 2.8.1.3): the ROM copies
 * 256 bytes to RAM, checks the CRC-32 in the last four, which is filled in after linking, and runs them.
 *
 * It lets flash be read as memory by the one command that all serial flash knows, 03h with 24 address bits on one line,
 * at a quarter of the clock, and goes on to the vector table behind itself. */

__attribute__((section(".boot2"), naked, used)) void boot2(void);

__attribute__((section(".boot2"), naked, used)) void boot2(void)
{
    __asm(".syntax unified\n"
          "ldr r0, =0x18000000\n" /* SSI (datasheet, 4.10.13) */
          "movs r1, #0\n"
          "str r1, [r0, #0x08]\n" /* SSIENR: off, while it is set up */
          "movs r1, #4\n"
          "str r1, [r0, #0x14]\n" /* BAUDR: clk_sys / 4 */
          "ldr r1, =0x001f0300\n"
          "str r1, [r0, #0x00]\n" /* CTRLR0: one line, 32 bits a frame, send and then receive (EEPROM read) */
          "movs r1, #0\n"
          "str r1, [r0, #0x04]\n" /* CTRLR1: one frame at a time */
          "ldr r2, =0x180000f4\n"
          "ldr r1, =0x03000218\n"
          "str r1, [r2]\n" /* SPI_CTRLR0: command 03h of 8 bits, then 24 bits of address */
          "movs r1, #1\n"
          "str r1, [r0, #0x08]\n" /* SSIENR: on */
          "ldr r0, =0x10000100\n" /* the vector table */
          "ldr r1, =0xe000ed08\n"
          "str r0, [r1]\n" /* VTOR */
          "ldmia r0!, {r1, r2}\n"
          "msr msp, r1\n"
          "bx r2\n"
          ".ltorg\n");
}
