# Writes OUTPUT, which says what compiles kernels: the program's VERSION, and a hash of SOURCES/* and of LIBRARY.
file(GLOB files ${SOURCES}/*)
set(hashes "")
foreach(file ${files} ${LIBRARY})
  file(SHA256 ${file} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 hash "${hashes}")
file(WRITE ${OUTPUT} "#include <string_view>

namespace lathe::compile::codegen {
std::string_view generator_version() {
  return \"${VERSION} ${hash}\";
}
}  // namespace lathe::compile::codegen
")
