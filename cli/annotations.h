#pragma once
#include <string>
#include <vector>

#include "cli/verb.h"
#include "lathe/data/annotations.h"

// The options of every verb that reads an annotation table.
namespace lathe::cli {

struct AnnotationArguments {
  std::string annotations;  // a directory of annotations.csv, items.csv and annotators.csv, or a file
  std::string items, annotators;
  data::AnnotationColumns columns;
  std::string scale = "nominal";
  std::vector<std::string> classes;
};
void add_annotation_options(CLI::App& verb, AnnotationArguments& arguments);
// Warns on stderr of annotators who are not described.
data::Annotations open_annotations(const AnnotationArguments& arguments);

}  // namespace lathe::cli
