# Installs the build folder BINARY_DIR below WORK_DIR, and builds and runs a program outside the tree with the package.
file(REMOVE_RECURSE ${WORK_DIR})
set(prefix ${WORK_DIR}/prefix)

function(run what)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK_DIR} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what} failed (${code}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${WORK_DIR})
run("cmake --install" ${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${prefix})
run("installed lathe" ${prefix}/bin/lathe --version)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/consumer DESTINATION ${WORK_DIR})
run("configuring the consumer" ${CMAKE_COMMAND} -S consumer -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug
  -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}" "-DCMAKE_PREFIX_PATH=${prefix};${PREFIX_PATH}")
run("building the consumer" ${CMAKE_COMMAND} --build build)
run("the consumer" ${WORK_DIR}/build/consumer)
if(NOT output MATCHES "\\[3, 2\\]")
  message(FATAL_ERROR "the consumer printed: ${output}")
endif()
