#include "lathe/data/sst.h"

#include <algorithm>
#include <filesystem>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/source_request.h"
#include "lathe/data/sources.h"
#include "lathe/data/text.h"

namespace lathe::data {
namespace {

constexpr int64_t kNeutral = 2;

std::string unescaped(std::string_view word) {
  static const std::vector<std::pair<std::string_view, std::string_view>> kNames = {
      {"-LRB-", "("}, {"-RRB-", ")"}, {"-LSB-", "["}, {"-RSB-", "]"}, {"-LCB-", "{"}, {"-RCB-", "}"}};
  for (const auto& [name, bracket] : kNames)
    if (word == name) return std::string(bracket);
  std::string text;
  for (size_t i = 0; i < word.size(); ++i)
    if (word.substr(i, 2) != "\\/" && word.substr(i, 2) != "\\*") text += word[i];
  return text;
}

// One line: a label follows every opening bracket, a word every label that no bracket follows.
class TreeReader {
 public:
  TreeReader(std::string_view line, std::string where) : line_(line), where_(std::move(where)) {}

  SentimentTree read() {
    SentimentTree tree;
    int64_t depth = 0;
    std::vector<bool> has_content;  // of each open bracket
    while (skip_spaces()) {
      if (line_[at_] == '(') {
        if (depth == 0 && !tree.sentence.empty()) fail("a second tree; there is one a line");
        if (depth > 0) has_content.back() = true;
        ++at_;
        const int64_t label = this->label();
        if (depth++ == 0) tree.label = label;
        has_content.push_back(false);
      } else if (line_[at_] == ')') {
        if (depth == 0) fail("a bracket is closed that was not opened");
        if (!has_content.back()) fail("a pair of brackets holds no word");
        has_content.pop_back();
        --depth;
        ++at_;
      } else {
        if (depth == 0) fail("a tree begins with a bracket, \"(3 (2 A) (4 film))\"");
        has_content.back() = true;
        tree.sentence += (tree.sentence.empty() ? "" : " ") + unescaped(word());
      }
    }
    if (depth > 0) fail("a bracket is not closed");
    return tree;
  }

 private:
  [[noreturn]] void fail(const char* what) const { throw InputError("{}: {}", where_, what); }

  bool skip_spaces() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t')) ++at_;
    return at_ < line_.size();
  }

  std::string_view word() {
    const size_t end = std::min(line_.find_first_of(" \t()", at_), line_.size());
    const std::string_view word = line_.substr(at_, end - at_);
    at_ = end;
    return word;
  }

  int64_t label() {
    if (!skip_spaces()) fail("a bracket is not closed");
    const std::string_view text = word();
    if (text.size() != 1 || text[0] < '0' || text[0] > '4')
      fail("a label must be 0 (very negative) to 4 (very positive)");
    return text[0] - '0';
  }

  std::string_view line_;
  std::string where_;
  size_t at_ = 0;
};

Dataset to_dataset(const std::vector<SentimentTree>& trees, bool binary) {
  Dataset dataset;
  dataset.schema.target = "sentiment";
  dataset.schema.fields = {"text"};
  dataset.schema.classes =
      binary ? std::vector<std::string>{"negative", "positive"}
             : std::vector<std::string>{"very negative", "negative", "neutral", "positive", "very positive"};
  dataset.texts.resize(1);
  std::vector<int64_t> targets;
  for (const SentimentTree& tree : trees) {
    if (binary && tree.label == kNeutral) continue;
    dataset.texts[0].push_back(tree.sentence);
    targets.push_back(binary ? (tree.label > kNeutral ? 1 : 0) : tree.label);
  }
  dataset.targets = torch::tensor(targets, torch::kInt64);
  return dataset;
}

}  // namespace

std::vector<SentimentTree> parse_sentiment_trees(std::string_view text, const std::string& name) {
  std::vector<SentimentTree> trees;
  int64_t number = 1;
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at = end + 1;
    if (trim(line).empty()) continue;
    const std::string where = fmt::format("{}:{}", name, number);
    if (!is_utf8(line) || line.find('\0') != line.npos) throw InputError("{}: not UTF-8 text", where);
    trees.push_back(TreeReader(line, where).read());
  }
  if (trees.empty()) throw InputError("{}: there is no tree; it must have one a line", name);
  return trees;
}

// The treebank's own hold-out, dev.txt, is trained on too: a pipeline holds out a part of its own.
Source read_sst(const std::string& operand, const SourceOptions&) {
  const SourceRequest request = parse_source_request("sst", operand, {"labels"});
  const auto labels = request.settings.find("labels");
  const std::string kind = labels == request.settings.end() ? "binary" : labels->second;
  if (kind != "fine" && kind != "binary")
    throw InputError("sst:{}: labels must be fine or binary, got '{}'", operand, kind);
  const auto read = [&](const char* name) {
    const std::filesystem::path file = std::filesystem::path(request.path) / name;
    return parse_sentiment_trees(core::read_file(file), file.string());
  };
  std::vector<SentimentTree> trees = read("train.txt");
  for (SentimentTree& tree : read("dev.txt")) trees.push_back(std::move(tree));
  Source source;
  source.train = to_dataset(trees, kind == "binary");
  source.test = to_dataset(read("test.txt"), kind == "binary");
  return source;
}

}  // namespace lathe::data
