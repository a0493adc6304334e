#pragma once
#include <cstdint>
#include <vector>

#include "lathe/data/annotations.h"
#include "lathe/evaluate/votes.h"

// Whose opinions a model serves (Balayn, Bozzon & Szlávik 2019, arXiv 1911.02455). The opinion of a person is
// what they answered; a model is fair as far as it is as good for everybody.
namespace lathe::evaluate::opinion {

// What people agree on, computed on the whole table before any split: that of a part would be noise.
struct Profile {
  Votes votes;
  std::vector<int32_t> majority;  // [items]; kNoMajority where nobody answered
  std::vector<double> agreement;  // [items] the largest share of votes; NaN where nobody answered
  // [annotators] ADR, the share of their annotations that differ from the majority; NaN without annotations.
  std::vector<double> disagreement;
  // [annotators] The same from the majority of the others (of an item that others answered): a person's own
  // vote makes the majority look more like them than it is.
  std::vector<double> disagreement_with_others;
  // [annotations] π, the share of the item's annotations that say the same. A minority opinion has π < 1/2.
  std::vector<double> popularity;
};
// Throws InputError for labels without classes, and where no item has two annotations: a table of one label
// an item is aggregated already, and nothing is left to measure.
Profile profile(const data::Annotations& annotations, TieRule ties = TieRule::published);

}  // namespace lathe::evaluate::opinion
