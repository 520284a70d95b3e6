# rhooks_module(NAME [DEPS module...] [LIBS target...] [DIRS folder...])
#
# One folder under src/ is one module: every .cc in it (and in DIRS below it) becomes
# the object library `rhooks_NAME`; every x_test.cc becomes part of `NAME_test`.
# DEPS are the modules that it may include; tests/layers_test checks the includes.
function(rhooks_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;DIRS;TEST_LIBS" ${ARGN})
  set(patterns ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(dir IN LISTS ARG_DIRS)
    list(APPEND patterns ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*.cc)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS ${patterns})
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")

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
    rhooks_test(${name}_test SOURCES ${tests} LIBS rhooks_${name} rhooks_testing ${ARG_TEST_LIBS})
  endif()
endfunction()

# rhooks_test(NAME SOURCES file... [LIBS target...] [LABELS label...])
# A GoogleTest binary whose cases ctest runs one by one.
function(rhooks_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  include(GoogleTest)
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST TEST_PREFIX "${name}."
                       PROPERTIES TIMEOUT 300 LABELS "${name};${ARG_LABELS}")
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
