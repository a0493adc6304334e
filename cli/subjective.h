#pragma once
#include "cli/annotations.h"
#include "lathe/evaluate/subjective/specification.h"

// The methods of `lathe evaluate subjective`.
namespace lathe::cli {

void add_subjective_check(CLI::App& subjective, Options& options);
void add_subjective_design(CLI::App& subjective, Options& options);
void add_subjective_evaluate(CLI::App& subjective, Options& options);  // and report
void add_subjective_train(CLI::App& subjective, Options& options);

void add_specification_operand(CLI::App& verb, std::string& file);

// The kind of labels and the classes are the specification's where the command line does not name them.
data::Annotations open_annotations(AnnotationArguments arguments,
                                   const evaluate::subjective::Specification& specification);

std::string today();  // YYYY-MM-DD

}  // namespace lathe::cli
