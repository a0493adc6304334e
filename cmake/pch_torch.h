#pragma once
#include <torch/script.h>
#include <torch/torch.h>

#include "pch_plain.h"
