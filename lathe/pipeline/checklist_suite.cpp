#include "lathe/pipeline/checklist_suite.h"

#include <fmt/ranges.h>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/passages.h"
#include "lathe/data/question_pairs.h"
#include "lathe/data/reviews.h"
#include "lathe/data/text.h"
#include "lathe/evaluate/checklist/ready_suites.h"
#include "lathe/evaluate/checklist/suggest.h"
#include "lathe/evaluate/checklist/suite_json.h"

namespace lathe::pipeline {
namespace {

using evaluate::checklist::Corpus;

constexpr int64_t kSize = 500;
const core::Seed kSeed = core::Seed(0).stream("suites");

Corpus reviews() {
  Corpus corpus;
  for (data::Review& review : data::generate_reviews(kSize, kSeed)) {
    corpus.examples.push_back({std::move(review.text)});
    corpus.labels.push_back(data::review_classes()[static_cast<size_t>(review.label)]);
  }
  return corpus;
}

Corpus questions() {
  Corpus corpus;
  for (data::QuestionPair& pair : data::generate_question_pairs(kSize, kSeed)) {
    corpus.examples.push_back({std::move(pair.first), std::move(pair.second)});
    corpus.labels.push_back(data::question_pair_classes()[static_cast<size_t>(pair.label)]);
  }
  return corpus;
}

Corpus passages() {
  Corpus corpus;
  for (data::Passage& passage : data::generate_passages(kSize, kSeed)) {
    corpus.examples.push_back({std::move(passage.text), std::move(passage.question)});
    corpus.labels.push_back(std::move(passage.answer));
  }
  return corpus;
}

}  // namespace

evaluate::checklist::CorpusReader generated_corpora() {
  return [](const std::string& name) -> std::optional<Corpus> {
    if (name == "reviews") return reviews();
    if (name == "questions") return questions();
    if (name == "passages") return passages();
    return std::nullopt;
  };
}

evaluate::checklist::Suite load_suite(const std::string& name_or_file,
                                      evaluate::checklist::SuiteOptions options) {
  namespace checklist = evaluate::checklist;
  if (!options.corpus) options.corpus = generated_corpora();
  if (!options.fill_masks)
    options.fill_masks = [](const std::vector<checklist::GappedText>& texts, int64_t most_fills) {
      return checklist::mask_filler(checklist::ngram_language_model())(texts, most_fills);
    };
  if (const auto text = checklist::ready_suite(name_or_file))
    return checklist::parse_suite_toml(*text, name_or_file + ".toml", options);
  const std::filesystem::path file = name_or_file;
  if (!std::filesystem::exists(file)) {
    const std::vector<std::string> names = checklist::ready_suite_names();
    const auto near = core::nearest(name_or_file, names);
    throw InputError("there is no suite '{}': neither a file nor one of {}{}", name_or_file,
                     fmt::join(names, ", "), near ? "; did you mean " + *near + "?" : "");
  }
  const std::string text = core::read_file(file);
  if (data::lower_extension(file) == ".json") return checklist::parse_suite_json(text, name_or_file);
  if (options.directory.empty()) options.directory = file.parent_path();
  return checklist::parse_suite_toml(text, name_or_file, options);
}

}  // namespace lathe::pipeline
