# What `cmake --install` puts down: the library as one archive with its headers and CMake
# package, the binary, the documents.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# All modules but the server and the command line, merged, so that a user links one file.
set(_modules base signing json schedule model codec observe egress net aws store secrets delivery engine hooks)
set(_objects ${_modules})
list(TRANSFORM _objects REPLACE "(.+)" "$<TARGET_OBJECTS:rhooks_\\1>")
add_library(rhooks_lib STATIC ${_objects})
add_library(rhooks::rhooks ALIAS rhooks_lib)
set_target_properties(rhooks_lib PROPERTIES OUTPUT_NAME rhooks EXPORT_NAME rhooks
                                            LINKER_LANGUAGE CXX)
target_compile_features(rhooks_lib INTERFACE cxx_std_20)
target_include_directories(rhooks_lib INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Public headers need tl::expected; the rest is only linked. cmake/rhooksConfig.cmake.in
# finds every one of them again for the user.
target_link_libraries(rhooks_lib
  PUBLIC tl::expected Threads::Threads
  PRIVATE Boost::json Boost::url CURL::libcurl PkgConfig::c_ares OpenSSL::SSL OpenSSL::Crypto RocksDB::rocksdb-shared
          PkgConfig::content_codings prometheus-cpp::core cctz::cctz)

install(TARGETS rhooks_lib EXPORT rhooks-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/rhooks DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")

set(_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rhooks)
install(EXPORT rhooks-targets NAMESPACE rhooks:: DESTINATION ${_package_dir})
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/rhooksConfig.cmake.in
                              ${CMAKE_BINARY_DIR}/rhooksConfig.cmake
                              INSTALL_DESTINATION ${_package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/rhooksConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/rhooksConfig.cmake ${CMAKE_BINARY_DIR}/rhooksConfigVersion.cmake
        DESTINATION ${_package_dir})

if(TARGET rhooks)
  install(TARGETS rhooks RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The binary knows its commands and flags best.
  install(CODE "
    set(dir \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/bash-completion/completions\")
    file(MAKE_DIRECTORY \"\${dir}\")
    execute_process(COMMAND \"$<TARGET_FILE:rhooks>\" completion bash
                    OUTPUT_FILE \"\${dir}/rhooks\" COMMAND_ERROR_IS_FATAL ANY)
    message(STATUS \"Installing: \${dir}/rhooks\")")
endif()

install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
