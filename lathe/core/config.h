#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::core {

// The admissible numbers of a key; printed in errors as "in [0, 1)".
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool open_min = false, open_max = false;
  static Range at_least(double min) { return {.min = min}; }
  static Range positive() { return {.min = 0, .open_min = true}; }
  static Range unit() { return {.min = 0, .max = 1}; }
};

// A TOML table that knows where each value came from.
//
// Getters name a key and its default, so the program's own reads are the schema: when all parts have read
// their options, reject_unknown() complains about every key that nobody asked for (with the nearest that
// somebody did), and resolved() is the configuration with every default written out.
//
//   Config config = Config::load("pipeline.toml", {"train.epochs=3"});
//   Config train = config.section("train");
//   int64_t epochs = train.integer("epochs", 10, Range::at_least(1));
//   config.reject_unknown();
//
// Every error is an InputError of the form
//   train.epochs must be an integer at least 1, got -3 (pipeline.toml:12)
// Copies share one document; reading is not synchronised between threads.
class Config {
 public:
  Config();  // an empty document
  static Config load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});
  static Config parse(std::string_view toml, const std::string& name = "configuration",
                      const std::vector<std::string>& overrides = {});  // overrides: "a.b=value"

  Config section(std::string_view key) const;  // the sub-table; an empty one where it is missing
  std::vector<Config> sections(std::string_view key) const;  // an array of tables
  bool has(std::string_view key) const;                      // counts as a read
  std::vector<std::string> keys() const;                     // of this table as written; counts as no read

  // `fallback` = nullopt makes the key required.
  std::string text(std::string_view key, std::optional<std::string> fallback = std::nullopt) const;
  std::string choice(std::string_view key, std::optional<std::string> fallback,
                     const std::vector<std::string>& choices) const;
  int64_t integer(std::string_view key, std::optional<int64_t> fallback = std::nullopt,
                  Range range = {}) const;
  double number(std::string_view key, std::optional<double> fallback = std::nullopt, Range range = {}) const;
  std::optional<double> number_or_auto(std::string_view key,
                                       Range range = {}) const;  // "auto", missing: none
  bool flag(std::string_view key, std::optional<bool> fallback = std::nullopt) const;
  std::vector<double> numbers(std::string_view key,
                              std::optional<std::vector<double>> fallback = std::nullopt,
                              Range range = {}) const;
  std::vector<int64_t> integers(std::string_view key,
                                std::optional<std::vector<int64_t>> fallback = std::nullopt,
                                Range range = {}) const;
  std::vector<std::string> texts(std::string_view key,
                                 std::optional<std::vector<std::string>> fallback = std::nullopt) const;

  // Throws InputError "<key path> <message> (<file>:<line>)", e.g. fail("rho", "must be below 1, got 3").
  [[noreturn]] void fail(std::string_view key, std::string_view message) const;
  // Throws InputError for the first key, in the whole document, that no getter asked for.
  void reject_unknown() const;
  // TOML text of everything read so far in this table, defaults included; keys sorted, so equal settings give
  // equal text. Feeds the bundle's pipeline.toml and the hashes that decide whether a stage is skipped.
  std::string resolved() const;

 private:
  struct Document;
  struct Section;
  Config(std::shared_ptr<Document> document, Section* section);
  std::shared_ptr<Document> document_;
  Section* section_;  // one of the document's
};

}  // namespace lathe::core
