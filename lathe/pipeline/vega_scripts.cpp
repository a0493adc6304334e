#include "lathe/pipeline/vega_scripts.h"

#include <filesystem>
#include <utility>

#include "lathe/core/error.h"
#include "lathe/core/files.h"

namespace lathe::pipeline {
namespace {

const std::filesystem::path kDirectory = "/usr/share/javascript/vega";

// Module names as the scripts ask for them and the files that hold them, each after those that it needs.
constexpr std::pair<const char*, const char*> kModules[] = {
    {"vega-util", "vega-util.min.js"},
    {"vega-time", "vega-time.min.js"},
    {"vega-format", "vega-format.min.js"},
    {"topojson-client", "../topojson-client/topojson-client.min.js"},
    {"vega-loader", "vega-loader.min.js"},
    {"vega-dataflow", "vega-dataflow.min.js"},
    {"vega-statistics", "vega-statistics.min.js"},
    {"vega-scale", "vega-scale.min.js"},
    {"vega-canvas", "vega-canvas.min.js"},
    {"vega-scenegraph", "vega-scenegraph.min.js"},
    {"vega-expression", "vega-expression.min.js"},
    {"vega-selections", "vega-selection.min.js"},
    {"vega-functions", "vega-functions.min.js"},
    {"vega-event-selector", "vega-event-selector.min.js"},
    {"vega-encode", "vega-encode.min.js"},
    {"vega-transforms", "vega-transforms.min.js"},
    {"vega-view-transforms", "vega-view-transforms.min.js"},
    {"vega-runtime", "vega-runtime.min.js"},
    {"vega-view", "vega-view.min.js"},
    {"vega-parser", "vega-parser.min.js"},
};

// Without the last line, which names a source map that no reader of the page has.
std::string read_script(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw Error("{} is missing; charts need the Debian package libjs-vega", file.lexically_normal().string());
  }
  std::string script = core::read_file(file);
  return script.substr(0, script.rfind("//# sourceMappingURL="));
}

}  // namespace

// Each script, as a browser's global, would replace what the one before it put into `vega`; as CommonJS
// modules they find one another.
std::string vega_script() {
  std::string script =
      "const vega = (() => {\n"
      "const modules = {};\n"
      "const require = (name) => modules[name];\n";
  for (const auto& [name, file] : kModules) {
    script += std::string("modules['") + name + "'] = {};\n(function (exports, module) {\n" +
              read_script(kDirectory / file) + "\n})(modules['" + name + "'], {});\n";
  }
  script +=
      "Object.assign(require('vega-dataflow').transforms, require('vega-transforms'),\n"
      "  require('vega-view-transforms'), require('vega-encode'));\n"
      "return {parse: require('vega-parser').parse, View: require('vega-view').View};\n"
      "})();\n";
  return script;
}

}  // namespace lathe::pipeline
