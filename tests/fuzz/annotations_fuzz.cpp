// Annotation tables (annotations, items and annotators as CSV), predictions for one, and saved models of
// opinions.
#include <algorithm>
#include <cmath>

#include "lathe/core/files.h"
#include "lathe/data/opinions.h"
#include "lathe/evaluate/votes.h"
#include "lathe/train/opinion/fit.h"
#include "tests/fuzz/target.h"

namespace lathe::fuzz {
namespace {

data::Annotations small_table() {
  return data::generate_opinions({.num_items = 3,
                                  .num_annotators = 4,
                                  .annotations_per_item = 2,
                                  .num_features = 2,
                                  .groups = {0.5, 0.5}},
                                 core::Seed(1))
      .annotations;
}

// The first byte is the kind of labels; then come the three files.
void read_table(std::string_view bytes) {
  const auto kind = static_cast<data::LabelScale::Kind>(bytes.empty() ? 0 : bytes[0] % 3);
  if (!bytes.empty()) bytes.remove_prefix(1);
  const std::vector<std::string_view> parts = split(bytes, 3);
  const data::AnnotationFiles files{scratch() / "annotations.csv", scratch() / "items.csv",
                                    scratch() / "annotators.csv"};
  save(files.annotations, parts[0]);
  save(files.items, parts[1]);
  save(files.annotators, parts[2]);
  const data::Annotations table = data::read_annotations(files, {.kind = kind});
  require(table.size() > 0, "a table has annotations");
  require(std::is_sorted(table.item.begin(), table.item.end()), "items ascend");
  data::in_order(table);
  if (kind == data::LabelScale::Kind::real) return;
  const evaluate::Votes votes = evaluate::count_votes(table);
  int64_t total = 0;
  for (int64_t item = 0; item < votes.num_items; ++item) total += votes.total(item);
  require(total == table.size(), "every annotation is a vote");
}

std::vector<std::string> table_seeds() {
  const auto directory = scratch() / "seed";
  data::write_annotations(small_table(), directory);
  const auto file = [&](const char* name) { return core::read_file(directory / name); };
  const std::string files = join({file("annotations.csv"), file("items.csv"), file("annotators.csv")});
  return {std::string(1, '\0') + files,
          "\1" + join({"item,annotator,label,pass,seconds\na,x,2,1,\na,x,1,0,2.5\n",
                       "item,text\na,\"b, c\"\n", "annotator,age\nx,\n"}),
          "\2" + join({"item,annotator,label\na,x,0.5\n", "item\na\n", "annotator\nx\n"})};
}

void read_predictions(std::string_view bytes) {
  const data::Annotations table = small_table();
  save(scratch() / "predictions.csv", bytes);
  const auto file = evaluate::read_opinion_predictions(scratch() / "predictions.csv", table);
  require(static_cast<int64_t>(file.predictions.rows.size()) + file.num_missing == table.size(),
          "annotations are predicted or missing");
  for (const float p : file.predictions.probabilities) require(p >= 0 && std::isfinite(p), "probabilities");
}

std::vector<std::string> prediction_seeds() {
  return {"item,prob_0,prob_1\ni0,0.25,0.75\ni1,1,0\ni2,0.5,0.5\n",
          "item,annotator,label\ni0,a0,yes\ni1,a1,no\n"};
}

void read_model(std::string_view bytes) {
  save(scratch() / "model.pt", bytes);
  const auto model = train::opinion::load(scratch() / "model.pt");
  require(model.network || model.prior.defined(), "a model is a network or a prior");
}

std::vector<std::string> model_seeds() {
  const data::Annotations table = small_table();
  const auto inputs = train::opinion::opinion_inputs(table, train::opinion::table_features(table));
  std::vector<std::string> seeds;
  for (const auto kind : {train::opinion::Kind::own_prior, train::opinion::Kind::person}) {
    train::opinion::save(
        train::opinion::fit(inputs, table, {0, 1, 2, 3},
                            {.kind = kind, .rank = 1, .max_epochs = 1, .holdout = 0}, core::Seed(0)),
        scratch() / "seed.pt");
    seeds.push_back(core::read_file(scratch() / "seed.pt"));
  }
  return seeds;
}

const bool tables = add_target({"annotations", read_table, table_seeds});
const bool predictions = add_target({"opinion_predictions", read_predictions, prediction_seeds});
const bool models = add_target({"opinion_model", read_model, model_seeds});

}  // namespace
}  // namespace lathe::fuzz
