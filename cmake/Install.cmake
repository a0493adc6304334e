include(CMakePackageConfigHelpers)
get_property(modules GLOBAL PROPERTY LATHE_MODULES)
install(TARGETS ${modules} lathe_turbojpeg EXPORT lathe-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT lathe-targets NAMESPACE lathe:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lathe)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/lathe DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/lathe-config.cmake.in ${CMAKE_BINARY_DIR}/lathe-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lathe)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/lathe-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/lathe-config.cmake ${CMAKE_BINARY_DIR}/lathe-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/lathe)
