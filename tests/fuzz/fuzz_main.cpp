// libFuzzer's program for all targets: LATHE_FUZZ_TARGET names the one.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "tests/fuzz/target.h"

namespace {

const lathe::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("LATHE_FUZZ_TARGET");
  try {
    target = &lathe::fuzz::find_target(name == nullptr ? "" : name);
    target->seeds();  // what a target makes once is no input's time
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "LATHE_FUZZ_TARGET: %s\n", error.what());
    std::exit(2);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lathe::fuzz::takes(*target, {reinterpret_cast<const char*>(data), size});
  return 0;
}
