# LibTorch 2.x from the `torch` folder of a Python environment, LATHE_TORCH2. Its own CMake files would ask for a CUDA
# toolkit, and its include folder brings copies of other libraries (fmt among them) that must not shadow the system's.
file(READ ${LATHE_TORCH2}/version.py version)
string(REGEX MATCH "__version__ = '([0-9.]+)" _ "${version}")
set(Torch_VERSION ${CMAKE_MATCH_1})
if(NOT Torch_VERSION)
  message(FATAL_ERROR "LATHE_TORCH2 must be the torch folder of a Python environment, got ${LATHE_TORCH2}")
endif()

set(include ${CMAKE_BINARY_DIR}/torch2/include)
file(MAKE_DIRECTORY ${include})
foreach(part ATen c10 caffe2 torch)
  file(CREATE_LINK ${LATHE_TORCH2}/include/${part} ${include}/${part} SYMBOLIC)
endforeach()

add_library(lathe_torch2 INTERFACE)
target_include_directories(lathe_torch2 SYSTEM INTERFACE ${include} ${include}/torch/csrc/api/include)
target_link_directories(lathe_torch2 INTERFACE ${LATHE_TORCH2}/lib)
# A machine without a GPU has none of CUDA's libraries, and needs none.
target_link_options(lathe_torch2 INTERFACE -Wl,--unresolved-symbols=ignore-in-shared-libs -Wl,-rpath,${LATHE_TORCH2}/lib)
target_link_libraries(lathe_torch2 INTERFACE torch_cpu c10)
find_library(LATHE_CUBLAS cublas PATHS ${LATHE_TORCH2}/../nvidia/cu13/lib ${LATHE_TORCH2}/../nvidia/cublas/lib NAMES libcublas.so.13 libcublas.so.12 NO_DEFAULT_PATH)
if(LATHE_CUBLAS)
  target_link_libraries(lathe_torch2 INTERFACE -Wl,--no-as-needed torch_cuda c10_cuda -Wl,--as-needed)
endif()
message(STATUS "CUDA: ${LATHE_CUBLAS}")
set(TORCH_LIBRARIES lathe_torch2)
