#include "studies/gradient_vaccine_languages.h"

#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "lathe/core/error.h"
#include "lathe/data/wordnet.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using core::Seed;
using data::Sentence;

struct Clause {
  Sentence words;
  int64_t sense = 0;
};

// Definitions part by part, and examples.
std::vector<Clause> all_clauses() {
  std::vector<Clause> clauses;
  for (const data::Gloss& gloss : data::read_wordnet()) {
    std::vector<Sentence> texts = {{}};
    for (std::string& word : data::tokenize(gloss.definition)) {
      if (word == ";")
        texts.emplace_back();
      else
        texts.back().push_back(std::move(word));
    }
    for (const std::string& example : gloss.examples) texts.push_back(data::tokenize(example));
    for (Sentence& text : texts) clauses.push_back({std::move(text), data::supersense(gloss)});
  }
  return clauses;
}

struct English {
  data::Vocabulary words;
  std::vector<Clause> clauses;  // of these words, in random order, each sentence once
};

English make_english(const CorpusOptions& options, Seed seed) {
  std::vector<Clause> clauses = all_clauses();
  std::vector<Sentence> text;
  for (const Clause& clause : clauses) text.push_back(clause.words);
  English english{data::Vocabulary(text, options.num_words), {}};
  std::set<Sentence> seen;
  for (Clause& clause : clauses) {
    const auto length = static_cast<int64_t>(clause.words.size());
    const bool known = std::all_of(clause.words.begin(), clause.words.end(),
                                   [&](const std::string& word) { return english.words.has(word); });
    if (length >= 3 && length <= options.longest && known && seen.insert(clause.words).second)
      english.clauses.push_back(std::move(clause));
  }
  seed.random().shuffle(english.clauses);
  return english;
}

// The source's vocabulary: all words that the English ones become in any language.
data::Vocabulary source_words(const std::vector<data::Language>& languages, const data::Vocabulary& english) {
  std::vector<Sentence> text;
  for (const data::Language& language : languages) {
    text.emplace_back();
    for (int64_t i = data::kNumSpecialWords; i < english.size(); ++i)
      text.back().push_back(language.word(english.word(i)));
  }
  return data::Vocabulary(text);
}

torch::Tensor rows_of(const std::vector<Clause>& clauses, const data::Language& language,
                      const data::Vocabulary& source, const data::Vocabulary& target, int64_t longest) {
  torch::Tensor rows =
      torch::full({static_cast<int64_t>(clauses.size()), 2 * longest + 2}, data::kPadding, torch::kInt64);
  for (size_t i = 0; i < clauses.size(); ++i) {
    int64_t* row = rows[static_cast<int64_t>(i)].data_ptr<int64_t>();
    for (const std::string& word : language.sentence(clauses[i].words)) *row++ = source.number(word);
    row = rows[static_cast<int64_t>(i)].data_ptr<int64_t>() + longest;
    *row++ = data::kBegin;
    for (const std::string& word : clauses[i].words) *row++ = target.number(word);
    *row = data::kEnd;
  }
  return rows;
}

torch::Tensor senses_of(const std::vector<Clause>& clauses) {
  std::vector<int64_t> senses;
  for (const Clause& clause : clauses) senses.push_back(clause.sense);
  return torch::tensor(senses, torch::kInt64);
}

Corpus::Part parallel_part(const std::vector<Clause>& clauses, const Corpus& corpus) {
  Corpus::Part part{.rows = {}, .english = {}, .senses = senses_of(clauses)};
  for (const data::Language& language : corpus.languages)
    part.rows.push_back(rows_of(clauses, language, corpus.source, corpus.target, corpus.source_length));
  for (const Clause& clause : clauses) part.english.push_back(clause.words);
  return part;
}

torch::Tensor distances(const std::vector<data::Language>& languages, const data::Vocabulary& english) {
  std::vector<std::string> words;
  for (int64_t i = data::kNumSpecialWords; i < english.size(); ++i) words.push_back(english.word(i));
  const auto count = static_cast<int64_t>(languages.size());
  torch::Tensor distance = torch::zeros({count, count}, torch::kFloat64);
  for (size_t i = 0; i < languages.size(); ++i)
    for (size_t j = 0; j < languages.size(); ++j)
      distance[static_cast<int64_t>(i)][static_cast<int64_t>(j)] =
          data::non_cognates(languages[i], languages[j], words);
  return distance;
}

// Each language draws its own sentences.
void add_training_part(const std::vector<Clause>& pool, Seed seed, Corpus& corpus) {
  std::vector<torch::Tensor> rows, senses, tasks;
  for (size_t t = 0; t < corpus.num_languages(); ++t) {
    std::vector<Clause> own = pool;
    seed.stream(t).random().shuffle(own);
    own.resize(static_cast<size_t>(corpus.sizes[t]));
    rows.push_back(rows_of(own, corpus.languages[t], corpus.source, corpus.target, corpus.source_length));
    senses.push_back(senses_of(own));
    tasks.push_back(torch::full({corpus.sizes[t]}, static_cast<int64_t>(t), torch::kInt64));
    corpus.tasks.names.push_back(corpus.languages[t].name());
  }
  corpus.train.inputs = torch::cat(rows);
  corpus.train.targets = torch::cat(senses);
  for (int64_t i = 0; i < data::kNumSupersenses; ++i)
    corpus.train.schema.classes.push_back(data::supersense_name(i));
  corpus.tasks.of_example = torch::cat(tasks);
}

}  // namespace

bool Corpus::low_resource(size_t language) const {
  const auto larger =
      std::count_if(sizes.begin(), sizes.end(), [&](int64_t n) { return n > sizes[language]; });
  return 2 * static_cast<size_t>(larger) >= sizes.size();
}

data::Dataset Corpus::training_part(size_t language) const {
  return train.select(tasks.of_example.eq(static_cast<int64_t>(language)).nonzero().flatten());
}

Corpus make_corpus(const CorpusOptions& options, Seed seed) {
  English english = make_english(options, seed.stream("order"));
  const int64_t held_out = options.num_test + options.num_holdout + options.num_parallel;
  if (static_cast<int64_t>(english.clauses.size()) < held_out + options.most)
    throw InputError("WordNet has {} such sentences, {} are needed", english.clauses.size(),
                     held_out + options.most);
  std::vector<data::Language> languages = data::language_family(options.family, seed.stream("family"));
  data::Vocabulary source = source_words(languages, english.words);
  torch::Tensor distance = distances(languages, english.words);
  const auto count = static_cast<int64_t>(languages.size());
  Corpus corpus{.languages = std::move(languages),
                .sizes = data::corpus_sizes(count, options.least, options.most, seed.stream("sizes")),
                .source = std::move(source),
                .target = std::move(english.words),
                .distance = std::move(distance),
                .source_length = options.longest,
                .train = {},
                .tasks = {},
                .test = {},
                .holdout = {},
                .parallel = {}};
  auto next = english.clauses.begin();
  const auto take = [&](int64_t n) {
    const auto begin = next;
    next += n;
    return parallel_part({begin, next}, corpus);
  };
  corpus.test = take(options.num_test);
  corpus.holdout = take(options.num_holdout);
  corpus.parallel = take(options.num_parallel);
  add_training_part({next, english.clauses.end()}, seed.stream("training"), corpus);
  return corpus;
}

}  // namespace lathe::studies::gradient_vaccine
