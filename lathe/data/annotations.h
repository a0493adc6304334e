#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/core/seed.h"

// Labels as people gave them: who said what of which item. The primary table where a label is an opinion,
// never reduced to one label an item (Balayn & Bozzon 2019, arXiv 1911.02471; Balayn, Bozzon & Szlávik 2019,
// arXiv 1911.02455).
namespace lathe::data {

// What may be answered. Nominal and ordinal labels are indices into `classes`, which stand in their order;
// real ones are numbers.
struct LabelScale {
  enum class Kind { nominal, ordinal, real };
  Kind kind = Kind::nominal;
  std::vector<std::string> classes;  // empty: real
  int64_t num_classes() const { return static_cast<int64_t>(classes.size()); }
};

// A categorical property of each item (topic, source) or of each annotator (age group, first language).
struct Attribute {
  std::string name;
  std::vector<std::string> values;
  std::vector<int32_t> codes;  // index into values; -1: not known
};

// 1.6 million annotations of 160,000 items take about 20 MB beside the texts.
struct Annotations {
  LabelScale scale;
  std::vector<std::string> items, annotators;                    // their names
  std::vector<std::string> texts;                                // of each item; empty: there are none
  std::vector<float> features;                                   // [items, num_features]; empty: none
  std::vector<Attribute> item_attributes, annotator_attributes;  // codes for each item, each annotator
  std::vector<int32_t> missing_annotators;  // that the annotators' file does not describe

  // One entry an annotation, ordered by item, then annotator, then pass (an annotator who was asked again).
  std::vector<int32_t> item, annotator;
  std::vector<int32_t> label;  // empty: real
  std::vector<double> value;   // real only, else empty
  std::vector<float> seconds;  // that the answer took; empty: not known

  int64_t size() const { return static_cast<int64_t>(item.size()); }
  int64_t num_items() const { return static_cast<int64_t>(items.size()); }
  int64_t num_annotators() const { return static_cast<int64_t>(annotators.size()); }
  int64_t num_features() const {
    return items.empty() ? 0 : static_cast<int64_t>(features.size() / items.size());
  }
};

// Puts the annotations in their order (stable: passes stay as they came) and checks the whole table. Throws
// InputError for indices and labels outside their range and lengths that differ.
Annotations in_order(Annotations annotations);

// [num_items + 1]: those of item i are item_offsets[i] … item_offsets[i + 1] - 1.
std::vector<int64_t> item_offsets(const Annotations& annotations);
// [num_annotators + 1], and the annotations of each annotator in ascending order.
struct AnnotatorIndex {
  std::vector<int64_t> offsets;
  std::vector<int32_t> rows;
};
AnnotatorIndex annotator_index(const Annotations& annotations);

// The table of some annotations (indices, ascending); items and annotators keep their numbers.
Annotations select(const Annotations& annotations, const std::vector<int64_t>& rows);

// The same annotations without the items and annotators that have none; the others are numbered anew, in
// order.
Annotations occurring(const Annotations& annotations);

// By name; throws InputError with the nearest name.
const Attribute& find_attribute(const std::vector<Attribute>& attributes, const std::string& name);

// Groups of annotators: one for each combination of values of the named attributes that occurs ("female,
// 18-30"; "unknown" where a value is missing), or one of all where none is named.
Attribute annotator_groups(const Annotations& annotations, const std::vector<std::string>& attributes);

struct AnnotationFiles {
  std::filesystem::path annotations;        // .csv, .tsv or .jsonl: one line an annotation
  std::filesystem::path items, annotators;  // what is known of them, one line each; empty: nothing
};
struct AnnotationColumns {
  std::string item = "item", annotator = "annotator", label = "label";
  std::string text = "text";          // of the items' file, or of the annotations' where there is none
  std::string pass = "pass";          // where the file has it: which time the annotator was asked
  std::string seconds = "seconds";    // where the file has it
  std::vector<std::string> features;  // columns of numbers of the items' file
};
struct AnnotationOptions {
  AnnotationColumns columns;
  LabelScale::Kind kind = LabelScale::Kind::nominal;
  std::vector<std::string> classes;  // allowed labels, in order; empty: those that occur (numbers by value)
};
// Other columns of the items' and annotators' files are attributes; so are other columns of the annotations'
// file that have one value for each annotator, or else for each item. An empty cell is a value that is not
// known. An annotator whom the annotators' file does not name is listed in missing_annotators, with unknown
// attributes.
//
// Wikipedia Talk Labels (figshare 4563973) is read with item = rev_id, annotator = worker_id, label =
// toxicity, text = comment; NEWLINE_TOKEN and TAB_TOKEN become spaces.
//
// Throws InputError with file:line for a label outside the scale, an item or annotator described twice, an
// annotation of an unknown item (where there is an items' file), and the same annotator and item twice
// without different passes (both lines).
Annotations read_annotations(const AnnotationFiles& files, const AnnotationOptions& options = {});

// Three files in a directory: annotations.csv, items.csv, annotators.csv, as read_annotations() takes them.
void write_annotations(const Annotations& annotations, const std::filesystem::path& directory);

// Which annotations train and which judge. No item, or no annotator, or neither has annotations in both
// parts; `both` leaves out the annotations that would tie the parts together.
enum class SplitBy { item, annotator, both };
struct AnnotationSplit {
  std::vector<int64_t> train, test;  // indices of annotations, ascending
};
AnnotationSplit split(const Annotations& annotations, SplitBy by, double test_share, core::Seed seed);

}  // namespace lathe::data
