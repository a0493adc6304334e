#include "cli/annotations.h"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>

#include "lathe/core/error.h"
#include "lathe/core/glob.h"
#include "lathe/core/printable.h"
#include "lathe/data/text_table.h"

namespace lathe::cli {
namespace {

data::AnnotationFiles files_of(const AnnotationArguments& arguments) {
  const std::filesystem::path given = arguments.annotations;
  if (!std::filesystem::is_directory(given)) return {given, arguments.items, arguments.annotators};
  const auto beside = [&](const std::string& named, const char* name) {
    if (!named.empty()) return std::filesystem::path(named);
    return std::filesystem::exists(given / name) ? given / name : std::filesystem::path();
  };
  return {given / "annotations.csv", beside(arguments.items, "items.csv"),
          beside(arguments.annotators, "annotators.csv")};
}

// Patterns ("x*") become the names of the columns of the items' file that they match.
std::vector<std::string> expanded(const std::vector<std::string>& patterns,
                                  const std::filesystem::path& items) {
  std::vector<std::string> names;
  std::optional<data::CsvFile> file;
  for (const std::string& pattern : patterns) {
    if (pattern.find('*') == pattern.npos || items.empty()) {
      names.push_back(pattern);
      continue;
    }
    if (!file) file = data::read_text_table(items);
    const size_t before = names.size();
    std::copy_if(file->header.begin(), file->header.end(), std::back_inserter(names),
                 [&](const std::string& name) { return core::matches(name, pattern); });
    if (names.size() == before)
      throw InputError("{}:1: no column matches '{}'", items.string(), core::printable(pattern));
  }
  return names;
}

data::LabelScale::Kind scale_of(const std::string& name) {
  if (name == "real") return data::LabelScale::Kind::real;
  return name == "ordinal" ? data::LabelScale::Kind::ordinal : data::LabelScale::Kind::nominal;
}

}  // namespace

void add_annotation_options(CLI::App& verb, AnnotationArguments& arguments) {
  data::AnnotationColumns& columns = arguments.columns;
  verb.add_option("--annotations", arguments.annotations,
                  "Who said what of which item: .csv, .tsv or .jsonl, a line an annotation; or a directory "
                  "with annotations.csv, items.csv and annotators.csv")
      ->required();
  verb.add_option("--items", arguments.items, "What is known of the items: a column item, then attributes");
  verb.add_option("--annotators", arguments.annotators,
                  "What is known of the annotators: a column annotator, then attributes");
  verb.add_option("--item-column", columns.item, "Names of the columns")->capture_default_str();
  verb.add_option("--annotator-column", columns.annotator)->capture_default_str();
  verb.add_option("--label-column", columns.label)->capture_default_str();
  verb.add_option("--text-column", columns.text)->capture_default_str();
  verb.add_option("--pass-column", columns.pass, "Which time the annotator was asked")->capture_default_str();
  verb.add_option("--seconds-column", columns.seconds, "How long the answer took")->capture_default_str();
  verb.add_option("--features", columns.features,
                  "Columns of the items' file that are numbers (x0,x1 or 'x*')")
      ->delimiter(',');
  verb.add_option("--scale", arguments.scale, "nominal, ordinal or real")
      ->check(CLI::IsMember({"nominal", "ordinal", "real"}))
      ->capture_default_str();
  verb.add_option("--classes", arguments.classes,
                  "The labels there may be, in their order (default: those that occur)")
      ->delimiter(',');
}

data::Annotations open_annotations(const AnnotationArguments& arguments) {
  const data::AnnotationFiles files = files_of(arguments);
  data::AnnotationColumns columns = arguments.columns;
  columns.features = expanded(columns.features, files.items);
  data::Annotations annotations = data::read_annotations(
      files, {.columns = columns, .kind = scale_of(arguments.scale), .classes = arguments.classes});
  const auto& missing = annotations.missing_annotators;
  if (!missing.empty())
    std::cerr << fmt::format(
        "lathe: warning: {} of {} annotators are not described (the first is '{}'); "
        "their attributes are unknown\n",
        missing.size(), annotations.num_annotators(),
        core::printable(annotations.annotators[static_cast<size_t>(missing[0])]));
  return annotations;
}

}  // namespace lathe::cli
