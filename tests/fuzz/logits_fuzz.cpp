// A file of logits and, where there is one, its file of labels.
#include <torch/types.h>

#include <optional>

#include "lathe/evaluate/classification.h"
#include "lathe/evaluate/logits_file.h"
#include "tests/fuzz/seed_files.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

std::filesystem::path write(const std::string& name, std::string_view bytes) {
  const bool is_npy = bytes.substr(0, 1) == "\x93";
  std::filesystem::path file = scratch() / (name + (is_npy ? ".npy" : ".csv"));
  save(file, bytes);
  return file;
}

void read(std::string_view bytes) {
  const auto parts = split(bytes, 2);
  std::optional<std::filesystem::path> labels;
  if (!parts[1].empty()) labels = write("labels", parts[1]);
  const evaluate::LogitsFile file = evaluate::read_logits(write("logits", parts[0]), labels);
  require(file.logits.dim() == 2, "logits are a matrix");
  if (!file.targets.defined()) return;
  require(file.targets.size(0) == file.logits.size(0), "every row has its label");
  const auto metrics = evaluate::classification_metrics(file.logits, file.targets);
  require(metrics.accuracy >= 0 && metrics.accuracy <= 1, "accuracy is a share");
}

std::vector<std::string> seeds() {
  const std::string logits =
      npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", std::string(16, 'x'));
  const std::string labels =
      npy_file("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", std::string("\0\x01", 2));
  const std::string table = "cat,dog\n0.5,-1e3\n2,7\n";
  return {join({logits, labels}), join({table, labels}), join({table, "label\ndog\ncat\n"}), table,
          "label,a,b\n1,0.5,-inf\n0,1,2\n"};
}

const bool registered = add_target({"logits", read, seeds});

}  // namespace
}  // namespace lathe::fuzz
