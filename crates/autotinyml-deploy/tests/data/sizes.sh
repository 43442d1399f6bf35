#!/bin/sh
# Makes sizes.elf, the program that the tests of src/elf.rs read: 8 bytes of code, 100 of constants,
# 24 of initialised variables, 400 zeroed and a stack of 1024, on the STM32F303K8's memory map.
# Needs: sudo apt install gcc-arm-none-eabi
set -eu
cd "$(dirname "$0")"
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cat > "$folder/sizes.s" <<'S'
    .syntax unified
    .cpu cortex-m4
    .thumb
    .global entry, weights, variables, arena
    .section .text
    .type entry, %function
entry:
    nop
    nop
    b.w entry
    .size entry, . - entry
    .section .rodata
    .type weights, %object
weights: .space 100, 1
    .size weights, 100
    .section .data
    .type variables, %object
variables: .space 24, 2
    .size variables, 24
    .section .bss
    .type arena, %object
arena: .space 400
    .size arena, 400
    .section .stack, "aw", %nobits
    .space 1024
S
cat > "$folder/sizes.ld" <<'L'
MEMORY {
  flash (rx) : ORIGIN = 0x08000000, LENGTH = 64K
  sram (rw) : ORIGIN = 0x20000000, LENGTH = 12K
  ccm (rw) : ORIGIN = 0x10000000, LENGTH = 4K
}
ENTRY(entry)
SECTIONS {
  .text : { *(.text) } > flash
  .rodata : { *(.rodata) } > flash
  .data : { *(.data) } > sram AT > flash
  .bss (NOLOAD) : { *(.bss) } > sram
  .stack (NOLOAD) : { *(.stack) } > ccm
  /DISCARD/ : { *(.ARM.attributes) }
}
L
arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -nostdlib -Wl,-z,max-page-size=4 -Wl,-T,"$folder/sizes.ld" \
    -o sizes.elf "$folder/sizes.s"
