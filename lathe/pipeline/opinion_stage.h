#pragma once
#include <nlohmann/json.hpp>

#include "lathe/nn/classifier.h"
#include "lathe/pipeline/report.h"
#include "lathe/pipeline/stages.h"

namespace lathe::pipeline {

OpinionStageOptions opinion_options(const core::Config& table);  // of [evaluate.opinion]

// Throws InputError where the annotations cannot be read or measured, or are not for models of such data.
void check_opinion(const OpinionStageOptions& options, const data::Schema& schema);

// Changes where a file of the annotations does.
std::string annotations_hash(const OpinionStageOptions& options);

// Measures the model's answers to the texts of the annotation table of [evaluate.opinion]:
// evaluate/opinion/report.html and every table as .csv and .json, metrics of the split "opinions", and what
// the report shows as details "opinion".
void run_opinion(const StageContext& context, nn::Classifier& model, StageReport& report);

// How unequally, by what, who and where, from those details.
Section opinion_section(const nlohmann::json& evaluate);

}  // namespace lathe::pipeline
