#pragma once
#include <nlohmann/json.hpp>

#include "lathe/data/dataset.h"
#include "lathe/nn/classifier.h"

namespace lathe::pipeline {

// What a page says of texts; null for other data. {tokens, vocabulary, length, cut, unknown, lengths:
// {tokens, texts}, words: [{class, words, scores}]}: how many test tokens the vocabulary lacks, how many
// training texts have so many tokens, and the words that training examples of a class have more often than
// those of the others, by the z-score of their log-odds ratio with all texts as prior (Monroe, Colaresi &
// Quinn 2008, eq. 22).
nlohmann::json text_details(const data::Splits& splits);

// "3 of 90 training texts are longer than 20 tokens and were cut".
std::vector<std::string> text_warnings(const data::Splits& splits);

// Of a bag of words: for each class the words of the largest weights, and these less their mean over the
// classes: [{class, words, scores}]. Null for another model.
nlohmann::json strongest_words(nn::Classifier& model);

}  // namespace lathe::pipeline
