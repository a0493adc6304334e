#include <cstdlib>
#include <filesystem>

#include "lathe/compile/codegen/module_writer.h"
#include "lathe/compile/compile.h"
#include "lathe/core/error.h"
#include "lathe/core/process.h"

namespace lathe::compile {
namespace fs = std::filesystem;

fs::path linker() {
  const char* path = std::getenv("PATH");
  for (const char* name : {"ld.lld", "ld"}) {
    std::string_view rest = path ? path : "/usr/bin:/bin";
    while (!rest.empty()) {
      const size_t end = rest.find(':');
      const fs::path file = fs::path(rest.substr(0, end)) / name;
      std::error_code ignored;
      if (fs::exists(file, ignored)) return file;
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
  }
  throw NoLinker("no linker: install lld or binutils (ld.lld or ld must be in PATH)");
}

namespace codegen {

void link_objects(const std::vector<fs::path>& objects, const std::vector<std::string>& libraries,
                  const fs::path& output) {
  core::ProcessOptions options;
  options.arguments = {linker().string(),
                       "-shared",
                       "--build-id=none",
                       "--hash-style=gnu",
                       "-z",
                       "defs",
                       "-z",
                       "noexecstack",
                       "-soname",
                       "module.so",
                       "-o",
                       output.string()};
  for (const auto& object : objects) options.arguments.push_back(object.string());
  for (const char* directory : {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"})
    options.arguments.push_back(std::string("-L") + directory);
  for (const std::string& library : libraries) options.arguments.push_back("-l:" + library);
  options.arguments.insert(options.arguments.end(), {"--as-needed", "-l:libm.so.6", "-l:libc.so.6"});
  const auto result = core::run_process(options);
  if (result.exit_code != 0)
    throw Error("{} failed: {}", options.arguments[0], result.errors.substr(0, result.errors.find('\n')));
}

}  // namespace codegen
}  // namespace lathe::compile
