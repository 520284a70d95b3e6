# rhooks_module(NAME [DEPS module...] [LIBS target...] [DIRS folder...] [TEST_LIBS target...]
#               [TEST_SHARDS n])
#
# One folder under src/ is one module: every .cc in it (and in DIRS below it) becomes
# the object library `rhooks_NAME`; every x_test.cc becomes part of `NAME_test`.
# DEPS are the modules that it may include; tests/layers_test checks the includes.
function(rhooks_module name)
  cmake_parse_arguments(ARG "" "TEST_SHARDS" "DEPS;LIBS;DIRS;TEST_LIBS" ${ARGN})
  set(patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(dir IN LISTS ARG_DIRS)
    list(APPEND patterns ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")

  if(NOT sources)
    # CMake wants a source; a module that is headers only still has a target to depend on.
    set(sources ${CMAKE_BINARY_DIR}/nothing_yet.cc)
    file(CONFIGURE OUTPUT ${sources} CONTENT "")
  endif()
  add_library(rhooks_${name} STATIC ${sources})
  set_target_properties(rhooks_${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(rhooks_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include
                                                   ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(rhooks_${name} PUBLIC tl::expected Threads::Threads ${ARG_LIBS})
  foreach(dep IN LISTS ARG_DEPS)
    target_link_libraries(rhooks_${name} PUBLIC rhooks_${dep})
  endforeach()

  if(RHOOKS_TESTS AND tests)
    rhooks_test(${name}_test SOURCES ${tests} LIBS rhooks_${name} rhooks_testing ${ARG_TEST_LIBS}
                SHARDS ${ARG_TEST_SHARDS})
  endif()
endfunction()

set_property(GLOBAL PROPERTY RHOOKS_TESTS_THAT_WAIT 0)

# rhooks_test(NAME SOURCES file... [LIBS target...] [SHARDS n] [WAITS] [FIBERS]
#             [ENVIRONMENT name=value...])
# A GoogleTest binary. ctest runs it as one process, or as SHARDS processes with a share of its
# cases each. (A process for each case would spend more time starting than testing.) WAITS: it waits
# for timers, disks and other processes more than it computes. Three of that kind run beside those
# that compute, from the start on, so that no processor is idle in the end. FIBERS: it runs on stacks
# of its own. For these AddressSanitizer's search for uses of what a function has left behind is not
# made, and it takes half of the time.
function(rhooks_test name)
  cmake_parse_arguments(ARG "WAITS;FIBERS" "SHARDS" "SOURCES;LIBS;ENVIRONMENT" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)

  set(properties PROCESSORS 2)
  if(NOT ARG_SHARDS)
    set(ARG_SHARDS 1)
  endif()
  foreach(shard RANGE 1 ${ARG_SHARDS})
    set(test ${name})
    set(environment ${ARG_ENVIRONMENT})
    if(ARG_SHARDS GREATER 1)
      math(EXPR index "${shard} - 1")
      string(APPEND test ".${shard}_of_${ARG_SHARDS}")
      list(APPEND environment GTEST_TOTAL_SHARDS=${ARG_SHARDS} GTEST_SHARD_INDEX=${index})
    endif()
    if(ARG_WAITS)
      get_property(waiting GLOBAL PROPERTY RHOOKS_TESTS_THAT_WAIT)
      math(EXPR lane "${waiting} % 3")
      math(EXPR waiting "${waiting} + 1")
      set_property(GLOBAL PROPERTY RHOOKS_TESTS_THAT_WAIT ${waiting})
      set(properties PROCESSORS 1 COST 1000 RESOURCE_LOCK waits_${lane})
    endif()
    add_test(NAME ${test} COMMAND ${name})
    set_tests_properties(${test} PROPERTIES TIMEOUT 900 LABELS ${name} ${properties}
                         ENVIRONMENT "${environment}")
    if(ARG_FIBERS)
      set_tests_properties(${test} PROPERTIES ENVIRONMENT_MODIFICATION
        ASAN_OPTIONS=string_append::detect_stack_use_after_return=0)
    endif()
  endforeach()
endfunction()

# rhooks_allocator(TARGET)
# The program allocates by mimalloc, as do the libraries that it uses. Programs only: a library
# leaves the choice to whoever links it. The sanitizers bring an allocator of their own.
function(rhooks_allocator target)
  if(NOT RHOOKS_SANITIZE)
    # To be called before the others are linked: the first malloc that the loader finds is used.
    target_link_libraries(${target} PRIVATE mimalloc)
  endif()
endfunction()
