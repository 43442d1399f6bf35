# GCC for the board's core.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_ASM_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "@CORE@")
set(CMAKE_ASM_FLAGS_INIT "@CORE@")
# A program for a chip needs a linker script, which CMake's own trials have not.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
