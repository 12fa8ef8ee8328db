"""jaxnn: functional neural networks on JAX, trained one at a time or hundreds in one XLA program.

``import jaxnn as nn``; everything public is reached from here.
"""

from jaxnn import callbacks, data, interop, losses, metrics, plot, testing
from jaxnn.core.codec import from_json, to_json
from jaxnn.core.hyper import traced
from jaxnn.core.layer import child, hyper, spec
from jaxnn.core.masks import by_step
from jaxnn.core.types import Batch
from jaxnn.grid import space
from jaxnn.grid.door import grid
from jaxnn.grid.engine import population
from jaxnn.grid.ensemble import Ensemble
from jaxnn.grid.path import Path, path
from jaxnn.grid.plan import Plan
from jaxnn.grid.results import Runs
from jaxnn.grid.space import logspace
from jaxnn.grid.stored import load_runs
from jaxnn.inspect.flops import flops
from jaxnn.inspect.learning_rate import RateCurve, find_learning_rate
from jaxnn.inspect.summary import Summary, summary
from jaxnn.io.model import load
from jaxnn.layers.activation import Activation
from jaxnn.layers.attention import Attention
from jaxnn.layers.attention_block import TransformerBlock
from jaxnn.layers.bidirectional import Bidirectional
from jaxnn.layers.combine import Residual, Sequential
from jaxnn.layers.conv import Conv
from jaxnn.layers.conv_transpose import ConvTranspose
from jaxnn.layers.dense import Dense
from jaxnn.layers.depthwise_conv import DepthwiseConv
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.embed import Embed
from jaxnn.layers.global_pool import GlobalAvgPool, GlobalMaxPool
from jaxnn.layers.graph import Graph
from jaxnn.layers.group_norm import GroupNorm
from jaxnn.layers.join import Join
from jaxnn.layers.lambda_ import Lambda
from jaxnn.layers.layer_norm import LayerNorm, RMSNorm
from jaxnn.layers.norm import BatchNorm
from jaxnn.layers.parallel import Parallel
from jaxnn.layers.pool import AvgPool, MaxPool
from jaxnn.layers.position import LearnedPositions
from jaxnn.layers.recurrent import GRU, LSTM, SimpleRNN
from jaxnn.layers.repeat import Repeat
from jaxnn.layers.reshape import Flatten, Reshape
from jaxnn.models.gpt import GPT, gpt
from jaxnn.models.lenet import lenet
from jaxnn.models.linear import linear_regression, logistic_regression, perceptron, softmax_regression
from jaxnn.models.mlp import mlp
from jaxnn.models.resnet import resnet
from jaxnn.models.rnn import rnn_classifier
from jaxnn.models.transformer import TransformerEncoder, transformer_encoder
from jaxnn.optim import schedules
from jaxnn.optim.average import averaged, ema, swa
from jaxnn.optim.decay import decay
from jaxnn.optim.freeze import freeze
from jaxnn.optim.gradients import accumulate, clip_by_norm, clip_by_value
from jaxnn.optim.groups import group_lasso, max_norm
from jaxnn.optim.penalties import elastic_net, l1, l2, penalty
from jaxnn.optim.plateau import plateau
from jaxnn.optim.proximal import proximal_elastic_net, proximal_l1
from jaxnn.optim.proximal_adam import proximal_adam
from jaxnn.optim.second_order import lbfgs
from jaxnn.sampling import generate
from jaxnn.settings import configure
from jaxnn.train.ending import DivergedWarning, Interrupted
from jaxnn.train.fit import fit
from jaxnn.train.model import Model
from jaxnn.train.population import Population
from jaxnn.train.result import Run
from jaxnn.train.run import run
from jaxnn.train.state import TrainState
from jaxnn.train.step import evaluate, init, step
from jaxnn.train.stopping import EarlyStopping
from jaxnn.train.trial import Clock, Trial
