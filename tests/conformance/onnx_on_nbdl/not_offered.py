"""ONNX operators that nbdl does not offer, each with the reason."""

_BY_REASON = {
    "attention whose scores or products are other functions": (
        "CausalConvWithState FlexAttention LinearAttention"
    ),
    "a function of each element that the tape does not record": (
        "Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Floor Mod Round Sin Sinh Tan"
    ),
    "operations on bits": "BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor",
    "number formats other than float32 and float64": (
        "Cast CastLike ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv "
        "QLinearMatMul QuantizeLinear"
    ),
    "images that are sampled between their pixels, or cut out": (
        "AffineGrid CenterCropPad DeformConv GridSample ImageDecoder NonMaxSuppression Resize RoiAlign "
        "Upsample"
    ),
    "spectra": "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT",
    "text, tables and trees": (
        "ArrayFeatureExtractor Binarizer LabelEncoder RegexFullMatch StringConcat StringNormalizer "
        "StringSplit TfIdfVectorizer TreeEnsemble"
    ),
    "control flow and lists, which are those of Python": (
        "If Loop OptionalGetElement OptionalHasElement Scan SequenceInsert SequenceMap SplitToSequence"
    ),
    "random numbers, which are drawn by other generators": "Bernoulli",
    "plumbing that is NumPy's own, and needs no gradient in a net so far": (
        "ConstantOfShape CumProd Det EyeLike NonZero Range ReverseSequence Scatter "
        "ScatterElements ScatterND Shape Size TensorScatter TopK Unique"
    ),
}
NOT_OFFERED = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
