#include "lathe/compile/compile.h"
#include "lathe/core/error.h"

#ifdef LATHE_HALIDE
#include "lathe/compile/codegen/implementations.h"
#endif

namespace lathe::compile {

Externals externals_of(const std::string& name) {
  if (name == "none") return Externals::none;
  if (name == "auto") return Externals::automatic;
  if (name == "always") return Externals::always;
  throw InputError("externals must be none, auto or always, got {}", name);
}

#ifdef LATHE_HALIDE

bool has_code_generator() {
  return true;
}

std::string kernel_of(const std::string& op) {
  if (op == "attention") return "matmul, softmax";  // codegen/prepare.cpp
  if (codegen::can_lower(op)) return "in other kernels";
  return codegen::has_kernel(op) ? "own kernel" : "none";
}

#else

bool has_code_generator() {
  return false;
}

std::string kernel_of(const std::string&) {
  return "none";
}

std::filesystem::path linker() {
  throw NoLinker("this build has no Halide, and nothing to link");
}

CompileReport compile(const Graph&, const std::filesystem::path&, const CompileOptions&) {
  throw InputError("this build has no Halide; install libhalide14-0-dev and build again");
}

#endif

}  // namespace lathe::compile
