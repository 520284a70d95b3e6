# Compiler settings that every target shares.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # hash_dir=false and base_dir let build trees of one checkout share the cache.
  set(_ccache ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
              CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${_ccache})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${_ccache})
endif()

# Eight files of a target are compiled as one, in half the time. So that each means there what it
# means alone, no two files of a module give one name to two functions of their own
# (tests/layers_test).
option(RHOOKS_UNITY "Compile several files of a target at once" ON)
set(CMAKE_UNITY_BUILD ${RHOOKS_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor
                    -Woverloaded-virtual -Wnull-dereference -Wunused -Wconversion
                    -Wno-sign-conversion -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports paths through std::string and std::optional that cannot happen
  # (GCC bugs 105329, 105651, 80635); the sanitizers check the real ones.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-null-dereference
                      -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
                      -Wno-dangling-pointer)
  if(RHOOKS_UNITY)
    # A class of one file may have members of types that only this file knows.
    add_compile_options(-Wno-subobject-linkage)
  endif()
else()
  # What base/mutex.h annotates.
  add_compile_options(-Wthread-safety -Werror=thread-safety)
endif()

# Debug trees only need line tables: smaller objects, faster links. GCC compiles them with -Og in two
# thirds of the time of -O1: with sanitizers most of it goes into optimising what those add.
set(_optimize -O1)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(_optimize -Og)
endif()
set(CMAKE_CXX_FLAGS_DEBUG "${_optimize} -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -fno-omit-frame-pointer -DNDEBUG")

if(NOT RHOOKS_SANITIZE AND NOT RHOOKS_COVERAGE)
  # What users run ends at once where memory is written beyond its bounds, and its table of
  # functions cannot be written at all. The sanitizers see more, and would see less with it.
  # (https://best.openssf.org/Compiler-Hardening-Guides/Compiler-Options-Hardening-Guide-for-C-and-C++)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE
                      -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS)
  add_link_options(-pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

if(RHOOKS_SANITIZE)
  add_compile_options(-fsanitize=${RHOOKS_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RHOOKS_SANITIZE})
  if(RHOOKS_SANITIZE STREQUAL "thread")
    # GCC warns that it cannot instrument std::atomic_thread_fence in library headers.
    add_compile_options(-Wno-tsan)
  endif()
  if(RHOOKS_SANITIZE MATCHES undefined AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A third of the time to compile goes into these. What they find AddressSanitizer mostly stops at
    # as well; the fuzzers, which clang compiles, have them all.
    add_compile_options(-fno-sanitize=vptr,null,alignment,object-size)
  endif()
endif()
if(RHOOKS_FUZZ)
  # All code tells libFuzzer which ways it took; its main() is linked by the fuzzers alone.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(RHOOKS_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

find_program(LLD_PROGRAM NAMES ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()
