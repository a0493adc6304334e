#include "cli/opinion_models.h"

#include "lathe/core/error.h"
#include "lathe/data/ngram_features.h"

namespace lathe::cli {
namespace {

data::SplitBy split_by(const std::string& name) {
  if (name == "annotator") return data::SplitBy::annotator;
  return name == "both" ? data::SplitBy::both : data::SplitBy::item;
}

torch::Tensor features_of(const OpinionJob& job, const OpinionModelArguments& arguments) {
  const data::Annotations& table = job.annotations;
  if (!table.features.empty()) return train::opinion::table_features(table);
  if (table.texts.empty())
    throw InputError(
        "the items have neither texts nor features: a model has nothing to look at; name a column of "
        "texts with --text-column or columns of numbers with --features");
  std::vector<std::string> training;
  for (size_t i = 0; i < job.split.train.size(); ++i) {
    const auto item = [&](size_t at) { return table.item[static_cast<size_t>(job.split.train[at])]; };
    if (i == 0 || item(i) != item(i - 1)) training.push_back(table.texts[static_cast<size_t>(item(i))]);
  }
  return data::NgramFeatures(
      training, {.longest = arguments.longest_ngram, .num_features = arguments.num_features})(table.texts);
}

}  // namespace

void add_opinion_model_options(CLI::App& verb, OpinionModelArguments& arguments) {
  add_annotation_options(verb, arguments.table);
  verb.add_option("--attributes", arguments.attributes, "Of annotators, that models may know (default: all)")
      ->delimiter(',');
  verb.add_option("--split-by", arguments.split_by,
                  "What training and test do not share: item, annotator (people who were never seen) or both")
      ->check(CLI::IsMember({"item", "annotator", "both"}))
      ->capture_default_str();
  verb.add_option("--test", arguments.test_share, "Share of the items, or annotators, that judge")
      ->capture_default_str();
  verb.add_option("--ngrams", arguments.longest_ngram, "Texts are seen as runs of 1 to so many characters")
      ->capture_default_str();
  verb.add_option("--num-features", arguments.num_features, "The most frequent of these")
      ->capture_default_str();
}

OpinionJob open_opinion_job(const Options& options, const OpinionModelArguments& arguments) {
  OpinionJob job{open_annotations(arguments.table), {}, {}, core::Seed(options.seed.value_or(0))};
  job.split = data::split(job.annotations, split_by(arguments.split_by), arguments.test_share,
                          job.seed.stream("split"));
  job.inputs =
      train::opinion::opinion_inputs(job.annotations, features_of(job, arguments), arguments.attributes);
  return job;
}

}  // namespace lathe::cli
