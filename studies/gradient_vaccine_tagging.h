#pragma once
#include "studies/gradient_vaccine_runs.h"

// The transfer task of the study `gradient-vaccine`: the class of meaning (supersense) of the word that a
// gloss defines. Learnt from labelled glosses in the two languages with most of them, starting at the encoder
// of a translator of all languages; tested in the other languages.
namespace lathe::studies::gradient_vaccine {

struct TaggingBudget {
  int64_t steps = 300, batch = 32;
};

struct Tagging {
  std::string method;
  double rate = 0;                     // the best by held-out glosses in the two languages, first seed
  std::vector<double> trained, other;  // % right in the two languages, mean in the others; of each seed
};
// Methods sum, PCGrad and GradVac on layers.
std::vector<Tagging> tune_and_tag(const Results& results, const TaggingBudget& budget,
                                  const std::vector<double>& rates, core::Seed seed,
                                  const core::StopToken& stop);

}  // namespace lathe::studies::gradient_vaccine
