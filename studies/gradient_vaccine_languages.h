#pragma once
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/data/language_family.h"
#include "lathe/data/tasks.h"

// The texts of the study `gradient-vaccine`: clauses of WordNet's glosses in languages that descend from
// English, to be translated back.
namespace lathe::studies::gradient_vaccine {

struct CorpusOptions {
  int64_t num_words = 1000;          // sentences use the most frequent English words only …
  int64_t longest = 8;               // … and have 3 to so many
  int64_t least = 150, most = 2000;  // training sentences of a language
  int64_t num_test = 300, num_holdout = 150, num_parallel = 256;
  data::LanguageFamilyOptions family = {};
};

// Rows are a nn::Translator's inputs. The sentences of test, holdout and parallel are the same in every
// language, and none is trained on.
struct Corpus {
  std::vector<data::Language> languages;
  std::vector<int64_t> sizes;
  data::Vocabulary source, target;
  torch::Tensor distance;  // float64 [T, T]: share of English words that are no cognates
  int64_t source_length = 0;
  data::Dataset train;  // all languages; targets are supersenses
  data::Tasks tasks;
  struct Part {
    std::vector<torch::Tensor> rows;  // of each language
    std::vector<data::Sentence> english;
    torch::Tensor senses;
  };
  Part test, holdout, parallel;

  size_t num_languages() const { return languages.size(); }
  // A language is low in resources when half of the languages have more.
  bool low_resource(size_t language) const;
  data::Dataset training_part(size_t language) const;
};

// Throws InputError without WordNet, and where it has too few such sentences.
Corpus make_corpus(const CorpusOptions& options, core::Seed seed);

}  // namespace lathe::studies::gradient_vaccine
