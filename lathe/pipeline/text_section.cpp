#include "lathe/pipeline/text_section.h"

#include <fmt/format.h>

#include "lathe/pipeline/details.h"

namespace lathe::pipeline {
namespace {

using nlohmann::json;

constexpr double kWidth = 306;

void add_words(const json& classes, const std::string& title, const std::string& x_label, Section& section) {
  if (!classes.is_array()) return;
  for (const json& entry : classes) {
    const std::vector<std::string> words = detail_texts(entry, "/words");
    const std::vector<double> scores = detail_numbers(entry, "/scores");
    if (words.empty() || words.size() != scores.size()) continue;
    section.charts.push_back(core::bar_chart({.title = title + detail_text(entry, "/class"),
                                              .x_label = x_label,
                                              .width = kWidth,
                                              .height = 60 + 20.0 * static_cast<double>(words.size())},
                                             words, scores));
  }
}

}  // namespace

Section text_section(const json& data, const json& train) {
  Section section{.title = "Texts"};
  const json& text = detail(data, "/text");
  if (!text.is_object()) return {};
  core::Table table({"", ""});
  table.add({"tokens", detail_text(text, "/tokens") == "byte-pair" ? "byte pairs" : "words"});
  table.add({"vocabulary", detail_text(text, "/vocabulary")});
  table.add({"tokens of a text, at most", detail_text(text, "/length")});
  if (const json& unknown = detail(text, "/unknown"); unknown.is_number())
    table.add({"test tokens that are unknown", fmt::format("{:.2f} %", 100 * unknown.get<double>())});
  section.tables.push_back(std::move(table));
  const std::vector<std::string> lengths = detail_texts(text, "/lengths/tokens");
  const std::vector<double> texts = detail_numbers(text, "/lengths/texts");
  if (!texts.empty() && lengths.size() == texts.size())
    section.charts.push_back(core::bar_chart({.title = "Training texts by their tokens",
                                              .x_label = "texts",
                                              .width = kWidth,
                                              .height = 60 + 14.0 * static_cast<double>(texts.size())},
                                             lengths, texts));
  if (const json& words = detail(train, "/words"); words.is_array()) {
    section.text =
        "The words with the largest weights: what they add to a class's logit, more than to the others'.";
    add_words(words, "Speaks for ", "weight", section);
  } else {
    section.text =
        "Words that the training texts of a class have more often than those of the others (z-score of the "
        "log-odds).";
    add_words(detail(text, "/words"), "Frequent in ", "z-score", section);
  }
  return section;
}

}  // namespace lathe::pipeline
