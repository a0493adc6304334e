#include "lathe/compile/import_onnx.h"

#include "lathe/compile/onnx_conformance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"

#ifdef LATHE_ONNX
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include "lathe/compile/onnx/importer.h"
#endif

namespace lathe::compile {

#ifdef LATHE_ONNX

namespace {

constexpr int kDeepestMessage = 64;
constexpr size_t kLargestFile = size_t{1} << 31;  // protobuf's own limit

onnx::ModelProto parse(std::string_view bytes) {
  if (bytes.size() >= kLargestFile)
    throw InputError("the file is larger than 2 GiB, the format's limit; weights of that size lie beside it");
  const google::protobuf::LogSilencer silence;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kDeepestMessage);
  onnx::ModelProto model;
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    throw InputError("not an ONNX file, or cut short: its bytes are no ModelProto");
  return model;
}

Graph read(std::string_view bytes, const OnnxOptions& options, const std::filesystem::path& directory) {
  const onnx::ModelProto model = parse(bytes);
  Graph graph;
  onnx_import::Importer importer(graph, options, directory);
  try {
    importer.run(model);
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    throw InputError("the file cannot be read: {}", what.substr(0, what.find('\n')));
  }
  check(graph);
  return graph;
}

}  // namespace

Graph import_onnx(const std::filesystem::path& file, const OnnxOptions& options) {
  const std::string bytes = core::read_file(file);
  try {
    const auto directory = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    Graph graph = read(bytes, options, directory);
    if (graph.name.empty()) graph.name = file.stem().string();
    return graph;
  } catch (const InputError& error) {
    throw InputError("{}: {}", file.string(), error.what());
  }
}

Graph import_onnx_bytes(std::string_view bytes, const OnnxOptions& options) {
  return read(bytes, options, {});
}

std::vector<std::string> onnx_operators() {
  std::vector<std::string> names;
  for (const auto& [name, handler] : onnx_import::handlers()) names.push_back(name);
  return names;
}

#else

namespace {
constexpr const char* kMissing =
    "this lathe was built without ONNX; install libonnx-dev (Debian) and build again";
}

Graph import_onnx(const std::filesystem::path&, const OnnxOptions&) {
  throw InputError(kMissing);
}
Graph import_onnx_bytes(std::string_view, const OnnxOptions&) {
  throw InputError(kMissing);
}
std::vector<std::string> onnx_operators() {
  return {};
}
std::vector<ConformanceRow> onnx_conformance(const std::filesystem::path&) {
  throw InputError(kMissing);
}

#endif

}  // namespace lathe::compile
