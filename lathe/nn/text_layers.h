#pragma once
#include <torch/types.h>

// Parts that models of texts share. A batch of texts is int64 [N, num_fields · length], numbers of tokens:
// for each field a text, then padding (data/text_encoding.h). Rows may be shorter than those that a model was
// trained on, never longer where it has learnt a position's code.
namespace lathe::nn {

// [N, num_fields · L] -> [N · num_fields, L]: a text a row. Throws InputError for what is no such batch.
torch::Tensor single_texts(const torch::Tensor& rows, int64_t num_fields);

// What a model that reads texts one by one makes of each, f [N · num_fields, W], for an example: f itself, or
// of a pair [u, v, |u − v|, u · v] (Mou et al. 2016; Conneau et al. 2017, §3.1): [N, 4 W].
torch::Tensor pair_features(const torch::Tensor& features, int64_t num_fields);
int64_t pair_width(int64_t width, int64_t num_fields);  // W or 4 W

// Numbers of all word n-grams up to `largest` words: [M, L] -> [M, L + (L − 1) + …]. A word keeps its number,
// a longer n-gram has num_tokens + its hash below `buckets` (Joulin et al. 2017, §2.2), and padding where a
// text has fewer.
torch::Tensor hashed_ngrams(const torch::Tensor& texts, int64_t largest, int64_t num_tokens, int64_t buckets);

// Numbers that hashed_ngrams gives.
int64_t num_ngrams(int64_t largest, int64_t num_tokens, int64_t buckets);

// What padding and unknown words look up is zero: they say nothing until training gives them something to
// say.
void clear_special_words(const torch::Tensor& embedding);

}  // namespace lathe::nn
