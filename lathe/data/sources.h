#pragma once
#include "lathe/data/dataset.h"

namespace lathe::data {

// The readers behind load_source, one per prefix of a source's name; `operand` is what follows the colon.
// They leave Source::name and Source::content_hash to load_source.
Source read_fashion_mnist(const std::string& operand, const SourceOptions& options);
Source read_idx(const std::string& operand, const SourceOptions& options);
Source read_cifar10(const std::string& operand, const SourceOptions& options);
Source read_cifar100(const std::string& operand, const SourceOptions& options);
Source read_table(const std::string& operand, const SourceOptions& options);
Source read_image_folders(const std::string& operand, const SourceOptions& options);
Source read_glyphs(const std::string& operand, const SourceOptions& options);
Source read_glyph_shift(const std::string& operand, const SourceOptions& options);
Source read_texts(const std::string& operand, const SourceOptions& options);
Source read_sst(const std::string& operand, const SourceOptions& options);
Source read_qqp(const std::string& operand, const SourceOptions& options);
Source read_reviews(const std::string& operand, const SourceOptions& options);
Source read_questions(const std::string& operand, const SourceOptions& options);

}  // namespace lathe::data
