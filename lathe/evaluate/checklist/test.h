#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lathe/evaluate/checklist/editor.h"
#include "lathe/evaluate/checklist/expectation.h"
#include "lathe/evaluate/checklist/perturbation.h"
#include "lathe/evaluate/checklist/prediction.h"
#include "lathe/evaluate/checklist/texts.h"

namespace lathe::evaluate::checklist {

// Ribeiro et al. 2020, §2: minimum functionality tests are labelled cases; invariance tests change an input
// so that the prediction must stay; directional ones so that it must move in a known way.
enum class TestType { kMft, kInv, kDir };
std::string to_string(TestType type);               // "MFT", "INV", "DIR"
TestType parse_test_type(const std::string& name);  // throws InputError

// Inputs in cases. A case is one or more examples: the original, then what was made of it.
struct Cases {
  size_t num_fields = 1;      // texts of an example
  Texts texts;                // [examples × fields]
  std::vector<int64_t> ends;  // where each case ends, in examples
  std::vector<Label> labels;  // none, one for all, one a case, or one an example
  Meta meta;                  // empty, or by case

  int64_t num_cases() const { return static_cast<int64_t>(ends.size()); }
  int64_t num_examples() const { return ends.empty() ? 0 : ends.back(); }
  int64_t begin(int64_t index) const { return index == 0 ? 0 : ends[static_cast<size_t>(index - 1)]; }
  int64_t end(int64_t index) const { return ends[static_cast<size_t>(index)]; }
  std::string_view text(int64_t example, size_t field) const {
    return texts[static_cast<size_t>(example) * num_fields + field];
  }
  Example example(int64_t index) const;
  const Label* labels_of(int64_t index) const;     // of a case; nullptr without labels
  size_t label_stride() const;                     // 1: one label an example, 0: one for the case
  void add(const std::vector<Example>& examples);  // one more case, without a label and meta
};
// The cases of both. Throws InputError where only one of them has labels.
Cases joined(Cases first, const Cases& second);
Cases selected(const Cases& cases, const std::vector<int64_t>& indices);
// With `classes` labels are names or indices of classes, without them texts. A case has leaves / num_fields
// examples. Throws InputError where that is no whole number, or a label is no class.
Cases to_cases(const Expansion& expansion, size_t num_fields, const std::vector<std::string>& classes);

struct Test {
  std::string name, capability, description;
  TestType type = TestType::kMft;
  std::string expect = "eq";  // by name, see parse_expectation
  Expectation expectation;    // your own function instead; such a test cannot be saved
  Cases cases;
  std::vector<int64_t> sample;  // the cases to run, ascending; empty: all
  std::string not_run;          // why the test has no cases; empty: it has some

  int64_t num_run() const { return sample.empty() ? cases.num_cases() : static_cast<int64_t>(sample.size()); }
  int64_t run_case(int64_t i) const { return sample.empty() ? i : sample[static_cast<size_t>(i)]; }
};

// Where a perturbation takes place in inputs of several texts.
enum class PerturbedFields {
  kEach,     // one text at a time; each gives variants of its own
  kTogether  // all texts as one, so that a name changes everywhere
};
struct PerturbOptions {
  std::vector<size_t> fields;  // which texts; empty: all
  PerturbedFields where = PerturbedFields::kEach;
  bool keep_original = true;  // as the first example of the case
  uint64_t seed = 0;
};
struct Perturbed {
  Cases cases;
  int64_t num_dropped = 0;  // originals to which no perturbation applies
};
// A case for each original: it and its variants under all of the perturbations. `originals` has one example a
// case; labels and meta come along.
Perturbed perturb(const Cases& originals, const std::vector<Perturbation>& perturbations,
                  const PerturbOptions& options = {});

}  // namespace lathe::evaluate::checklist
