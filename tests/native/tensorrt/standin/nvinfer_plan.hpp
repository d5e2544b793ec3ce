// The plans of the stand-in for TensorRT, and what they compute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace standin {

struct PlanTensor {
    std::string name;
    bool input = false, pictures = false;  // pictures: uint8, else float32
    std::vector<int64_t> sizes;            // without the batch

    size_t row_elements() const;
    size_t row_bytes() const { return row_elements() * (pictures ? 1 : sizeof(float)); }
};

struct Plan {
    std::vector<PlanTensor> tensors;
    int64_t max_batch = 0, scratch = 0;
    bool host_code = false, capturable = true;

    const PlanTensor* find(const std::string& name) const;
};

// False where the text is no plan.
bool parse_plan(const std::string& text, Plan& plan);

// Tensors of `rows` rows in the order of plan.tensors; writes the outputs.
void compute(const Plan& plan, int64_t rows, const std::vector<unsigned char*>& tensors);

}  // namespace standin
