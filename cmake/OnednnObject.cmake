# Writes OUTPUT: the bytes of the file OBJECT in a C++ source.
file(READ ${OBJECT} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include <string_view>

namespace lathe::compile::codegen {
namespace {
const unsigned char kObject[] = {${bytes}};
}
std::string_view onednn_object() {
  return {reinterpret_cast<const char*>(kObject), sizeof kObject};
}
}  // namespace lathe::compile::codegen
")
