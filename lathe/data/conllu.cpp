#include "lathe/data/conllu.h"

#include <algorithm>
#include <charconv>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/source_request.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr size_t kNumColumns = 10;
enum Column : size_t { kId = 0, kForm = 1, kUpos = 3, kHead = 6 };

int64_t number(const std::string& text, const char* what, const std::string& where) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw InputError("{}: {} must be a whole number, got '{}'", where, what, excerpt(text));
  return value;
}

void add_word(std::string_view line, const std::string& where, ConlluSentence& sentence) {
  const std::vector<std::string> cells = split_text(line, '\t');
  if (cells.size() != kNumColumns)
    throw InputError("{}: {} columns parted by tabs; CoNLL-U has {}", where, cells.size(), kNumColumns);
  if (cells[kId].find_first_of("-.") != std::string::npos) return;
  const int64_t id = number(cells[kId], "the word's number", where);
  if (id != static_cast<int64_t>(sentence.size()) + 1)
    throw InputError("{}: word {} follows word {}", where, id, sentence.size());
  if (cells[kForm].empty()) throw InputError("{}: the word is empty", where);
  const int64_t head = cells[kHead] == "_" ? 0 : number(cells[kHead], "the head", where);
  sentence.push_back({cells[kForm], cells[kUpos], head - 1});
}

void check_heads(const ConlluSentence& sentence, const std::string& where) {
  const auto words = static_cast<int64_t>(sentence.size());
  for (const ConlluWord& word : sentence)
    if (word.head >= words)
      throw InputError("{}: the head of '{}' is word {}, the sentence before has {}", where,
                       excerpt(word.form), word.head + 1, words);
}

}  // namespace

std::vector<ConlluSentence> parse_conllu(std::string_view text, const std::string& name) {
  std::vector<ConlluSentence> sentences;
  ConlluSentence sentence;
  int64_t line_number = 1;
  const auto finish = [&] {
    check_heads(sentence, fmt::format("{}:{}", name, line_number));
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
    sentence.clear();
  };
  for (size_t at = 0; at < text.size(); ++line_number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at = end + 1;
    const std::string where = fmt::format("{}:{}", name, line_number);
    if (!is_utf8(line) || line.find('\0') != line.npos) throw InputError("{}: not UTF-8 text", where);
    if (line.empty())
      finish();
    else if (line[0] != '#')
      add_word(line, where, sentence);
  }
  finish();
  if (sentences.empty()) throw InputError("{}: there is no sentence", name);
  return sentences;
}

std::vector<ConlluSentence> read_conllu(const std::filesystem::path& file) {
  return parse_conllu(core::read_file(file), file.string());
}

}  // namespace lathe::data
