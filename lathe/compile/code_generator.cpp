#include "lathe/compile/compile.h"
#include "lathe/core/error.h"

namespace lathe::compile {

#ifdef LATHE_HALIDE

bool has_code_generator() {
  return true;
}

#else

bool has_code_generator() {
  return false;
}

CompileReport compile(const Graph&, const std::filesystem::path&, const CompileOptions&) {
  throw InputError("this build has no Halide; install libhalide14-0-dev and build again");
}

#endif

}  // namespace lathe::compile
