#include "lathe/data/language_family.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

using core::Random;
using core::Seed;

const std::string kConsonants = "bcdfghjklmnpqrstvwxz", kVowels = "aeiou";
const std::vector<std::string> kSuffixes = {"ing", "ed", "ly", "s"};
const std::set<std::string> kPrepositions = {"about",   "against", "as",    "at",   "between", "by",
                                             "for",     "from",    "in",    "into", "of",      "on",
                                             "through", "to",      "under", "with", "without"};
const std::set<std::string> kConjunctions = {"and", "but", "or", "that", "when", "which", "who"};

bool of_letters(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

struct Parts {
  std::string stem, suffix;
};

Parts parts_of(const std::string& word) {
  constexpr size_t kShortestStem = 3;
  for (const std::string& suffix : kSuffixes) {
    if (word.size() < suffix.size() + kShortestStem) continue;
    const size_t stem = word.size() - suffix.size();
    if (word.compare(stem, suffix.size(), suffix) == 0 && !(suffix == "s" && word[stem - 1] == 's'))
      return {word.substr(0, stem), suffix};
  }
  return {word, ""};
}

char letter_of(const std::string& letters, Random& random) {
  return letters[static_cast<size_t>(random.below(static_cast<int64_t>(letters.size())))];
}

std::string new_stem(Random random) {
  std::string stem;
  for (int64_t syllables = 1 + random.below(3); syllables > 0; --syllables) {
    stem += letter_of(kConsonants, random);
    stem += letter_of(kVowels, random);
  }
  return stem + letter_of(kConsonants, random);
}

// Some letters, each to become the next, the last one the first.
void add_chain(const std::string& letters, size_t length, Random& random, std::map<char, char>& shift) {
  std::vector<char> order(letters.begin(), letters.end());
  random.shuffle(order);
  for (size_t i = 0; i < length; ++i) shift[order[i]] = order[(i + 1) % length];
}

std::shared_ptr<const LanguageBranch> make_branch(const LanguageFamilyOptions& options, std::string name,
                                                  Seed seed) {
  Random random = seed.stream("branch").random();
  auto branch = std::make_shared<LanguageBranch>();
  branch->name = std::move(name);
  branch->seed = seed;
  branch->replaced = options.replaced * random.uniform(0.5, 1.5);
  branch->shifted = options.shifted * random.uniform(0.5, 1.5);
  add_chain(kConsonants, 6, random, branch->letters);
  add_chain(kVowels, 3, random, branch->letters);
  for (const std::string& suffix : kSuffixes)
    if (random.uniform() < options.suffixes)
      branch->suffixes[suffix] = {letter_of(kVowels, random), letter_of(kConsonants, random)};
  branch->reorders = random.uniform() < options.reorders;
  return branch;
}

double luck(const LanguageBranch& branch, const std::string& stem) {
  return branch.seed.stream("stem").stream(stem).random().uniform();
}

void check(const LanguageFamilyOptions& options) {
  if (options.depth < 1 || options.depth > 8)
    throw InputError("the depth of a language family must be 1 to 8, got {}", options.depth);
  for (const double share : {options.replaced, options.shifted, options.suffixes, options.reorders})
    if (!(share >= 0 && share <= 1))
      throw InputError("the shares of what a branch changes must be in [0, 1], got {}", share);
  if (1.5 * (options.replaced + options.shifted) > 1)
    throw InputError("replaced + shifted must be at most 2/3, got {} + {}", options.replaced,
                     options.shifted);
}

}  // namespace

bool LanguageBranch::replaces(const std::string& stem) const {
  return luck(*this, stem) < replaced;
}

Language::Language(std::vector<std::shared_ptr<const LanguageBranch>> branches)
    : branches_(std::move(branches)) {
  if (branches_.empty()) throw InputError("a language has one branch or more");
}

const std::string& Language::name() const {
  return branches_.back()->name;
}

std::string Language::word(const std::string& english) const {
  if (!of_letters(english)) return english;
  const auto [root, english_suffix] = parts_of(english);
  std::string stem = root, suffix = english_suffix;
  for (const auto& branch : branches_) {
    const double drawn = luck(*branch, root);
    if (drawn < branch->replaced) {
      stem = new_stem(branch->seed.stream("new").stream(root).random());
    } else if (drawn < branch->replaced + branch->shifted) {
      for (char& c : stem)
        if (const auto to = branch->letters.find(c); to != branch->letters.end()) c = to->second;
    }
    if (const auto renewed = branch->suffixes.find(english_suffix); renewed != branch->suffixes.end())
      suffix = renewed->second;
  }
  return stem + suffix;
}

Sentence Language::sentence(const Sentence& english) const {
  const bool moves = postpositions();
  Sentence words;
  std::string waiting;  // for the end of its phrase
  const auto end_phrase = [&] {
    if (!waiting.empty()) words.push_back(std::exchange(waiting, ""));
  };
  for (const std::string& word : english) {
    const bool opens = kPrepositions.count(word) > 0;
    if (opens || kConjunctions.count(word) > 0 || !of_letters(word)) end_phrase();
    if (moves && opens)
      waiting = this->word(word);
    else
      words.push_back(this->word(word));
  }
  end_phrase();
  return words;
}

bool Language::postpositions() const {
  return std::count_if(branches_.begin(), branches_.end(), [](const auto& b) { return b->reorders; }) % 2 ==
         1;
}

std::vector<Language> language_family(const LanguageFamilyOptions& options, Seed seed) {
  check(options);
  using Path = std::vector<std::shared_ptr<const LanguageBranch>>;
  std::vector<Path> paths = {{}};
  for (int64_t level = 0; level < options.depth; ++level) {
    std::vector<Path> longer;
    for (const Path& path : paths)
      for (const char* side : {"0", "1"}) {
        const std::string name = (path.empty() ? "" : path.back()->name) + side;
        longer.push_back(path);
        longer.back().push_back(make_branch(options, name, seed.stream(name)));
      }
    paths = std::move(longer);
  }
  std::vector<Language> languages;
  for (Path& path : paths) languages.emplace_back(std::move(path));
  return languages;
}

int64_t tree_distance(const Language& a, const Language& b) {
  size_t shared = 0;
  while (shared < a.branches().size() && shared < b.branches().size() &&
         a.branches()[shared] == b.branches()[shared])
    ++shared;
  return static_cast<int64_t>(a.branches().size() + b.branches().size() - 2 * shared);
}

double non_cognates(const Language& a, const Language& b, const std::vector<std::string>& english) {
  int64_t words = 0, different = 0;
  for (const std::string& word : english) {
    if (!of_letters(word)) continue;
    const std::string stem = parts_of(word).stem;
    const auto left = [&](const Language& one, const Language& other) {
      for (const auto& branch : one.branches()) {
        const auto& others = other.branches();
        if (std::find(others.begin(), others.end(), branch) == others.end() && branch->replaces(stem))
          return true;
      }
      return false;
    };
    ++words;
    if (left(a, b) || left(b, a)) ++different;
  }
  return words > 0 ? static_cast<double>(different) / static_cast<double>(words) : 0;
}

std::vector<int64_t> corpus_sizes(int64_t count, int64_t least, int64_t most, Seed seed) {
  if (count < 2 || least < 1 || most < least)
    throw InputError("sizes of {} corpora from {} to {} are not possible", count, least, most);
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < count; ++i)
    sizes.push_back(std::llround(static_cast<double>(least) *
                                 std::pow(static_cast<double>(most) / static_cast<double>(least),
                                          static_cast<double>(i) / static_cast<double>(count - 1))));
  seed.random().shuffle(sizes);
  return sizes;
}

}  // namespace lathe::data
