#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "cli/verb.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/core/toml_text.h"

namespace lathe::cli {
namespace {

struct InitArguments {
  std::string images, csv, text, target, output = "pipeline.toml";
  std::vector<std::string> text_columns;
};

constexpr const char* kImageModel = R"([model]
kind = "cnn"                              # mlp, cnn, resnet, torchscript
channels = [16, 32, 64, 64, 128, 128]     # of each 3×3 convolution
pool_every = 2                            # a 2×2 max pool between every so many of them

[optim]
kind = "sgd"                              # sgd, adam, adamw
lr = 0.05
momentum = 0.9
weight_decay = 5e-4

[train]
epochs = {}
batch_size = {}
patience = 10                             # stop after so many epochs without a better held-out accuracy; 0: never

[train.augment]
flip = {}                                # left-right; false where left and right differ in meaning
crop = 2                                  # pixels of padding to crop from

[train.schedule]
kind = "one-cycle"                        # constant, step, cosine, one-cycle
)";

constexpr const char* kTableModel = R"([model]
kind = "mlp"
hidden = [128, 128]
dropout = 0.1

[optim]
kind = "adamw"                            # sgd, adam, adamw
lr = 1e-3
weight_decay = 1e-2

[train]
epochs = {}
batch_size = {}
patience = 20                             # stop after so many epochs without a better held-out accuracy; 0: never

[train.schedule]
kind = "cosine"                           # constant, step, cosine, one-cycle
warmup = 0.05
)";

constexpr const char* kTextModel = R"([model]
kind = "embedding-bag"                    # bag-of-words, embedding-bag, gru, transformer
width = 64
ngrams = 2                                # words and pairs of neighbouring words

[optim]
kind = "adamw"                            # sgd, adam, adamw
lr = {}
weight_decay = 1e-2

[train]
epochs = {}
batch_size = {}
patience = 5                              # stop after so many epochs without a better held-out accuracy; 0: never

[train.schedule]
kind = "cosine"                           # constant, step, cosine, one-cycle
warmup = 0.05
)";

// Off until asked for: the line that learns the classes in turn, where they can be parted evenly.
std::string tasks_in_turn(int64_t num_classes) {
  for (int64_t of_each = 2; of_each < num_classes; ++of_each)
    if (num_classes % of_each == 0)
      return fmt::format(
          "\n# [train.continual]                       # learn classes in turn, without forgetting the "
          "first\n"
          "# tasks = \"classes\"\n"
          "# classes_per_task = {}\n",
          of_each);
  return "";
}

constexpr int64_t kHeldOutForSets = 200;  // fewer give sets that vary much from one calibration to another

// Large enough for a stable gradient, small enough for many steps an epoch.
int64_t batch_size_for(int64_t examples) {
  int64_t size = 8;
  while (size < 128 && size * 40 <= examples) size *= 2;
  return std::min<int64_t>(size, std::max<int64_t>(1, examples));
}

// About 4,000 steps, within reason.
int64_t epochs_for(int64_t examples, int64_t batch_size) {
  return std::clamp<int64_t>(4000 * batch_size / std::max<int64_t>(1, examples), 10, 100);
}

// What a pipeline is written for.
struct Kind {
  const char* examples;  // "images"
  std::string file, source;
};

Kind kind_of(const InitArguments& arguments) {
  const int given = !arguments.images.empty() + !arguments.csv.empty() + !arguments.text.empty();
  if (given != 1)
    throw InputError(
        "lathe init wants --images DIR, --csv FILE --target COLUMN or --text FILE --target COLUMN");
  if (!arguments.text_columns.empty() && arguments.text.empty())
    throw InputError("--text-column goes with --text FILE");
  if (!arguments.images.empty()) return {"images", arguments.images, "images:" + arguments.images};
  if (arguments.target.empty())
    throw InputError("{} wants --target COLUMN: the column to predict",
                     arguments.csv.empty() ? "--text" : "--csv");
  if (!arguments.csv.empty())
    return {"rows", arguments.csv, "csv:" + arguments.csv + "?target=" + arguments.target};
  std::string source = "text:" + arguments.text + "?";
  if (!arguments.text_columns.empty())
    source += fmt::format("text={}&", fmt::join(arguments.text_columns, ","));
  return {"texts", arguments.text, source + "target=" + arguments.target};
}

std::string model_text(const data::Schema& schema, int64_t training) {
  const int64_t batch_size = batch_size_for(training), epochs = epochs_for(training, batch_size);
  if (schema.text()) return fmt::format(kTextModel, "5e-3", std::min<int64_t>(epochs, 30), batch_size);
  std::string text = schema.table() ? fmt::format(kTableModel, epochs, batch_size)
                                    : fmt::format(kImageModel, epochs, batch_size, "true ");
  return text + tasks_in_turn(schema.num_classes());
}

void init(const InitArguments& arguments) {
  const Kind kind = kind_of(arguments);
  if (std::filesystem::exists(arguments.output))
    throw InputError("{} exists; name another file with --output", arguments.output);
  const data::Source data = data::load_source(kind.source);  // so that what is written runs
  const data::Schema& schema = data.train.schema;
  const auto training =
      static_cast<int64_t>(static_cast<double>(data.train.size()) * (data.test.size() > 0 ? 0.9 : 0.7));

  std::string name = std::filesystem::path(kind.file).lexically_normal().stem().string();
  if (name.empty() || name == ".") name = "lathe";
  const std::string count = core::human_count(data.train.size() + data.test.size());
  std::string text = fmt::format(
      "# {} {} in {} classes.\n"
      "#   lathe run {}\n"
      "name = {}\n"
      "seed = 0\n\n"
      "[data]\n"
      "source = {}\n"
      "holdout = 0.1                             # share of the training examples for choices and "
      "calibration; 1 and above: a count\n",
      count, kind.examples, schema.num_classes(), arguments.output, core::to_toml(name),
      core::to_toml(kind.source));
  if (data.test.size() == 0)
    text +=
        "test = 0.2                                # likewise, for the final numbers: never used for a "
        "choice\n";
  if (schema.text())
    text +=
        "tokens = \"word\"                           # or byte-pair\n"
        "vocabulary = 20000                        # the most frequent tokens, at most\n"
        "length = 0                                # tokens of a text, the rest is cut; 0: as the training "
        "texts "
        "need\n";
  else if (!schema.table())
    text += fmt::format(
        "image_size = {}                           # sides of the squares that images are cut to\n",
        data.train.inputs.size(2));
  text += "\n" + model_text(schema, training);
  if (training / 9 >= kHeldOutForSets)
    text +=
        "\n[evaluate.conformal]\n"
        "alpha = 0.05                              # sets of classes that hold the true one with a "
        "probability "
        "of 95 %\n";
  core::write_file(arguments.output, text);
  std::cout << fmt::format("{}: {} {}, {} classes\nNext: lathe data check {}\n      lathe run {}\n",
                           arguments.output, count, kind.examples, schema.num_classes(), arguments.output,
                           arguments.output);
}

}  // namespace

void add_init(CLI::App& app, Options& options) {
  auto arguments = std::make_shared<InitArguments>();
  CLI::App* verb = add_verb(app, options, "init", "Write a pipeline for your own data",
                            "lathe init --csv iris.csv --target species");
  CLI::Option* images = verb->add_option("--images", arguments->images,
                                         "A directory with a folder of PNG or JPEG files per class");
  CLI::Option* csv =
      verb->add_option("--csv", arguments->csv, "A CSV file with a header row")->excludes(images);
  verb->add_option("--text", arguments->text, "A .csv, .tsv or .jsonl file with a column of texts, or two")
      ->excludes(images)
      ->excludes(csv);
  verb->add_option("--text-column", arguments->text_columns,
                   "Its column of texts, or for pairs of texts its two; default: \"text\"")
      ->delimiter(',');
  verb->add_option("--target", arguments->target, "Its column to predict");
  verb->add_option("--output", arguments->output, "The pipeline file to write")->capture_default_str();
  verb->callback([arguments] { init(*arguments); });
}

}  // namespace lathe::cli
