#include "lathe/nn/archive.h"

#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/torch.h>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/process.h"
#include "lathe/data/npy.h"
#include "lathe/data/text_encoding.h"
#include "lathe/nn/initialization.h"
#include "lathe/nn/script_model.h"

namespace lathe::nn {
namespace {

using core::Config;
using core::Seed;

data::Schema image_schema(int64_t channels, int64_t side) {
  data::Schema schema;
  schema.shape = {channels, side, side};
  schema.classes = {"a", "b", "c"};
  return schema;
}

data::Schema table_schema() {
  data::Schema schema;
  schema.columns = {{.name = "age", .values = {}}, {.name = "colour", .values = {"blue", "red"}}};
  schema.shape = {2};
  schema.target = "kind";
  schema.classes = {"a", "b", "c"};
  return schema;
}

data::Schema text_schema(int64_t num_fields) {
  data::Schema schema;
  schema.fields = num_fields == 1 ? std::vector<std::string>{"text"} : std::vector<std::string>{"one", "two"};
  schema.target = "kind";
  schema.classes = {"a", "b", "c"};
  schema.encoding = std::make_shared<const data::TextEncoding>(
      data::TextEncodingOptions{.length = 9},
      std::vector<std::vector<std::string>>{{"a b c d e f g h i j k"}});
  schema.shape = {num_fields * 9};
  return schema;
}

torch::Tensor inputs_for(const data::Schema& schema, int64_t count) {
  if (schema.text()) {  // texts of 0 to 9 tokens
    const auto fields = static_cast<int64_t>(schema.fields.size());
    const torch::Tensor words = torch::randint(1, schema.encoding->num_tokens(), {count, fields, 9},
                                               generator(Seed(5)), torch::kInt64);
    const torch::Tensor lengths =
        torch::randint(0, 10, {count, fields, 1}, generator(Seed(6)), torch::kInt64);
    return words.masked_fill(torch::arange(9).ge(lengths), data::kPadding).flatten(1);
  }
  if (schema.table()) {
    torch::Tensor table = torch::rand({count, 2}, generator(Seed(5)));
    table.select(1, 1).mul_(3).floor_().sub_(1);
    table[0][0] = std::nan("");
    return table;
  }
  return torch::randint(0, 256, {count, schema.shape[0], schema.shape[1], schema.shape[2]},
                        generator(Seed(5)), torch::kUInt8);
}

struct Case {
  const char* name;
  const char* toml;
  data::Schema schema;
};

class Archive : public testing::TestWithParam<Case> {
 protected:
  std::shared_ptr<Classifier> trained() {  // with running statistics that are not the initial ones
    auto model = build(Config::parse(GetParam().toml), GetParam().schema, Seed(1));
    model->fit_inputs(inputs_for(GetParam().schema, 64));
    model->train();
    model->forward(inputs_for(GetParam().schema, 32));
    model->eval();
    return model;
  }
  core::TemporaryDirectory directory_;
};

TEST_P(Archive, RunsAsTorchScriptAtAnyBatchSize) {
  const auto model = trained();
  save(*model, directory_.path() / "model.pt");
  torch::jit::Module script = torch::jit::load((directory_.path() / "model.pt").string());
  for (int64_t size : {1, 3, 7, 128}) {
    const torch::Tensor inputs = inputs_for(GetParam().schema, size);
    EXPECT_TRUE(torch::allclose(script.forward({inputs}).toTensor(), predict(*model, inputs), 1e-5, 1e-5))
        << size;
  }
}

TEST_P(Archive, KeepsItsCalibration) {
  const auto model = trained();
  const torch::Tensor inputs = inputs_for(GetParam().schema, 9), raw = predict(*model, inputs);
  EXPECT_FALSE(model->output_scaling());
  const torch::Tensor weights = torch::tensor({0.5, 2.0, 1.0}), biases = torch::tensor({0.0, 1.0, -1.0});
  model->scale_outputs({weights, biases});
  EXPECT_TRUE(torch::allclose(predict(*model, inputs), raw * weights + biases));
  save(*model, directory_.path() / "model.pt");
  torch::jit::Module script = torch::jit::load((directory_.path() / "model.pt").string());
  EXPECT_TRUE(torch::allclose(script.forward({inputs}).toTensor(), raw * weights + biases, 1e-5, 1e-5));
  const auto loaded = load(directory_.path() / "model.pt");
  EXPECT_TRUE(torch::equal(predict(*loaded, inputs), predict(*model, inputs)));
  EXPECT_TRUE(torch::equal(loaded->output_scaling()->biases, biases));
}

TEST_P(Archive, CountsAShareOfItsWeightsWithoutBuilding) {
  const auto model = trained();
  double weights = 0;
  for (const auto& parameter : model->parameters())
    if (parameter.dim() > 1) weights += static_cast<double>(parameter.numel());
  const double least = least_weights(Config::parse(GetParam().toml), GetParam().schema);
  EXPECT_LE(least, weights);
  EXPECT_GE(least, GetParam().name == std::string("resnet18") ? weights / 50 : weights / 8);
}

TEST_P(Archive, LoadsBackToTheSameTrainableClassifier) {
  const auto model = trained();
  save(*model, directory_.path() / "model.pt");
  const auto loaded = load(directory_.path() / "model.pt");
  const torch::Tensor inputs = inputs_for(GetParam().schema, 9);
  EXPECT_TRUE(torch::equal(predict(*loaded, inputs), predict(*model, inputs)));
  EXPECT_EQ(loaded->schema().classes, model->schema().classes);
  EXPECT_TRUE(loaded->parameters().front().requires_grad());
}

TEST_P(Archive, SameModelSameBytes) {
  const auto model = trained();
  EXPECT_EQ(core::sha256(to_archive(*model)), core::sha256(to_archive(*model)));
}

// Debian's Python libtorch loads the file and agrees.
class ArchiveInPython : public Archive {};

TEST_P(ArchiveInPython, GivesTheSame) {
  const auto model = trained();
  save(*model, directory_.path() / "model.pt");
  core::write_file(directory_.path() / "run.py", R"(
import sys, numpy, torch
folder = sys.argv[1]
model = torch.jit.load(folder + "/model.pt")
for size in (1, 7, 128):
    with torch.no_grad():
        out = model(torch.from_numpy(numpy.load(f"{folder}/in{size}.npy")))
    numpy.save(f"{folder}/out{size}.npy", out.numpy())
)");
  for (int64_t size : {1, 7, 128})
    data::write_npy(directory_.path() / ("in" + std::to_string(size) + ".npy"),
                    inputs_for(GetParam().schema, size));
  const auto result =
      core::run_process({.arguments = {"/usr/bin/python3", (directory_.path() / "run.py").string(),
                                       directory_.path().string()}});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  for (int64_t size : {1, 7, 128}) {
    const torch::Tensor python = data::read_npy(directory_.path() / ("out" + std::to_string(size) + ".npy"));
    EXPECT_TRUE(torch::allclose(python, predict(*model, inputs_for(GetParam().schema, size)), 1e-5, 1e-5))
        << size;
  }
}

const Case kCases[] = {
    Case{"mlp", "kind = 'mlp'\nhidden = [16]\ndropout = 0.5", image_schema(1, 8)},
    Case{"cnn", "kind = 'cnn'\nchannels = [4, 8]\npool_every = 1\nstem_channels = 4\ndropout = 0.2",
         image_schema(3, 16)},
    Case{"resnet20", "kind = 'resnet'\ndepth = 8", image_schema(3, 16)},
    Case{"resnet18", "kind = 'resnet'\ndepth = 18\nwidth = 8", image_schema(1, 32)},
    Case{"table", "kind = 'mlp'\nhidden = [8]", table_schema()},
    Case{"words", "kind = 'bag-of-words'\nngrams = 2\nbuckets = 50", text_schema(1)},
    Case{"counts", "kind = 'bag-of-words'\nvalues = 'counts'", text_schema(1)},
    Case{"word_pairs", "kind = 'bag-of-words'\nngrams = 3\nbuckets = 50", text_schema(2)},
    Case{"embedding", "kind = 'embedding-bag'\nwidth = 8\nbuckets = 50\ndropout = 0.5", text_schema(1)},
    Case{"embedding_pairs", "kind = 'embedding-bag'\nwidth = 8\nbuckets = 50", text_schema(2)},
    Case{"gru", "kind = 'gru'\nwidth = 8\nhidden = 6", text_schema(1)},
    Case{"gru_pairs", "kind = 'gru'\nwidth = 8\nhidden = 6\nbidirectional = false\npooling = 'last'",
         text_schema(2)},
    Case{"transformer", "kind = 'transformer'\nwidth = 8\nheads = 2\nfeed_forward = 16", text_schema(1)},
    Case{"transformer_pairs", "kind = 'transformer'\nwidth = 8\nheads = 2\nlayers = 1\npositions = 'learned'",
         text_schema(2)}};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, Archive, testing::ValuesIn(kCases), name_of);
// Each starts a Python: those of images and tables, and two of the texts'.
INSTANTIATE_TEST_SUITE_P(Kinds, ArchiveInPython,
                         testing::Values(kCases[0], kCases[1], kCases[2], kCases[3], kCases[4], kCases[11],
                                         kCases[13]),
                         name_of);

// A module that Python made, with dropout and batch norm, can be trained, saved and loaded again.
TEST(ScriptModel, FromPythonTrainsAndRoundTrips) {
  const core::TemporaryDirectory directory;
  core::write_file(directory.path() / "make.py", R"(
import sys, torch
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten(),
                          torch.nn.Dropout(0.3), torch.nn.Linear(4 * 36, 3))
torch.jit.script(net).save(sys.argv[1] + "/net.pt")
)");
  const auto made =
      core::run_process({.arguments = {"/usr/bin/python3", (directory.path() / "make.py").string(),
                                       directory.path().string()}});
  ASSERT_EQ(made.exit_code, 0) << made.errors;

  const data::Schema schema = image_schema(1, 8);
  const auto model =
      build(Config::parse("kind = 'torchscript'\npath = '" + (directory.path() / "net.pt").string() + "'"),
            schema, Seed(0));
  const torch::Tensor inputs = inputs_for(schema, 32), targets = torch::arange(32).remainder(3);
  torch::optim::SGD sgd(model->parameters(), 0.1);
  double first = 0, last = 0;
  for (int i = 0; i < 30; ++i) {
    sgd.zero_grad();
    const torch::Tensor loss = torch::cross_entropy_loss(model->forward(inputs), targets);
    loss.backward();
    sgd.step();
    (i == 0 ? first : last) = loss.item<double>();
  }
  EXPECT_LT(last, 0.5 * first);
  EXPECT_GT(cost(*model, inputs.slice(0, 0, 1)).flops, 0);

  const torch::Tensor expected = predict(*model, inputs);
  save(*model, directory.path() / "model.pt");
  std::filesystem::remove(directory.path() / "net.pt");  // the bundle must not need the original
  torch::jit::Module script = torch::jit::load((directory.path() / "model.pt").string());
  EXPECT_TRUE(torch::allclose(script.forward({inputs}).toTensor(), expected, 1e-5, 1e-5));
  EXPECT_TRUE(torch::allclose(predict(*load(directory.path() / "model.pt"), inputs), expected, 1e-5, 1e-5));
}

TEST(Load, SaysWhatIsWrong) {
  const core::TemporaryDirectory directory;
  const auto message = [&](const std::string& file) {
    try {
      load(directory.path() / file);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message("missing.pt").find("no such file"), std::string::npos);
  core::write_file(directory.path() / "garbage.pt", "garbage");
  EXPECT_NE(message("garbage.pt").find("not a readable TorchScript archive"), std::string::npos);
  const auto model = build(Config::parse("kind = 'mlp'\nhidden = [4]"), image_schema(1, 4), Seed(1));
  const std::string bytes = to_archive(*model);
  core::write_file(directory.path() / "cut.pt", bytes.substr(0, bytes.size() / 2));
  EXPECT_NE(message("cut.pt").find("not a readable TorchScript archive"), std::string::npos);
}

}  // namespace
}  // namespace lathe::nn
