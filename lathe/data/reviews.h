#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"

// Reviews of flights, made up by a grammar, so that what each one thinks is known: for studies and tests that
// need a text classifier and must not download its data.
namespace lathe::data {

struct Review {
  std::string text;
  int64_t label = 0;  // of review_classes()
};
const std::vector<std::string>& review_classes();  // negative, neutral, positive

// Shares. Most reviews say what they think in plain words, so a model that only counts words does well on
// them; the other forms are as rare as they are in real ones.
struct ReviewOptions {
  double neutral = 0.25;   // of the reviews: facts, no opinion
  double negated = 0.04;   // of the opinions: "was not good"; its opposite is meant
  double contrast = 0.05;  // of the other reviews: "The food was bad, but …"; what comes last counts
  double past = 0.01;      // likewise: "I used to hate …, but now …"
  double others = 0.01;    // likewise: "My brother hated it, but I …"
  double handles = 0.03;   // of the reviews: begins with @airline
};
std::vector<Review> generate_reviews(int64_t count, core::Seed seed, const ReviewOptions& options = {});

}  // namespace lathe::data
