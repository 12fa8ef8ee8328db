"""jaxnn: functional neural networks on JAX, trained one at a time or hundreds in one XLA program.

``import jaxnn as nn``; everything public is reached from here, and stands here by the room that it comes from.
"""

# Rooms whose names are reached through the room: nn.losses.huber, nn.data.load.
from jaxnn import callbacks as callbacks
from jaxnn import data as data
from jaxnn import interop as interop
from jaxnn import losses as losses
from jaxnn import metrics as metrics
from jaxnn import plot as plot
from jaxnn import testing as testing

# core: how a layer is declared, what a hyperparameter, a precision, a loss and a metric are, JSON.
from jaxnn.core.activations import activations as activations
from jaxnn.core.codec import from_json as from_json
from jaxnn.core.codec import to_json as to_json
from jaxnn.core.hyper import static as static
from jaxnn.core.hyper import traced as traced
from jaxnn.core.layer import child as child
from jaxnn.core.layer import hyper as hyper
from jaxnn.core.layer import spec as spec
from jaxnn.core.masks import by_step as by_step
from jaxnn.core.precision import Precision as Precision
from jaxnn.core.records import Loss as Loss
from jaxnn.core.records import Metric as Metric
from jaxnn.core.registry import loss as loss
from jaxnn.core.registry import metric as metric
from jaxnn.core.types import Batch as Batch
from jaxnn.core.version import __version__ as __version__

# data: how rows are divided, what changes a batch, and batches in the place of rows.
from jaxnn.data.blocks import StreamWarning as StreamWarning
from jaxnn.data.folds import folds as folds
from jaxnn.data.mixup import Mixup as Mixup
from jaxnn.data.stream import stream as stream

# export: a trained model in the formats of others.
from jaxnn.export.door import export as export

# grid: many trainings in one program, and what comes out.
from jaxnn.grid import space as space
from jaxnn.grid.cluster import ray as ray
from jaxnn.grid.cv import CV as CV
from jaxnn.grid.door import grid as grid
from jaxnn.grid.engine import population as population
from jaxnn.grid.ensemble import Ensemble as Ensemble
from jaxnn.grid.nested import Nested as Nested
from jaxnn.grid.nested import nested as nested
from jaxnn.grid.path import Path as Path
from jaxnn.grid.path import path as path
from jaxnn.grid.plan import Plan as Plan
from jaxnn.grid.results import Runs as Runs
from jaxnn.grid.space import logspace as logspace
from jaxnn.grid.stored import load_runs as load_runs

# inspect: what a model is made of and costs, and the learning rate it bears.
from jaxnn.inspect.flops import flops as flops
from jaxnn.inspect.learning_rate import RateCurve as RateCurve
from jaxnn.inspect.learning_rate import find_learning_rate as find_learning_rate
from jaxnn.inspect.scale import Scale as Scale
from jaxnn.inspect.scale import scale as scale
from jaxnn.inspect.summary import Summary as Summary
from jaxnn.inspect.summary import summary as summary

# io: a model out of its file.
from jaxnn.io.model import load as load

# layers: specs with init and apply.
from jaxnn.layers.activation import Activation as Activation
from jaxnn.layers.attention import Attention as Attention
from jaxnn.layers.attention_block import TransformerBlock as TransformerBlock
from jaxnn.layers.bidirectional import Bidirectional as Bidirectional
from jaxnn.layers.combine import Residual as Residual
from jaxnn.layers.combine import Sequential as Sequential
from jaxnn.layers.conv import Conv as Conv
from jaxnn.layers.conv_transpose import ConvTranspose as ConvTranspose
from jaxnn.layers.dense import Dense as Dense
from jaxnn.layers.depthwise_conv import DepthwiseConv as DepthwiseConv
from jaxnn.layers.drop_connect import DropConnect as DropConnect
from jaxnn.layers.dropout import Dropout as Dropout
from jaxnn.layers.embed import Embed as Embed
from jaxnn.layers.global_pool import GlobalAvgPool as GlobalAvgPool
from jaxnn.layers.global_pool import GlobalMaxPool as GlobalMaxPool
from jaxnn.layers.graph import Graph as Graph
from jaxnn.layers.group_norm import GroupNorm as GroupNorm
from jaxnn.layers.join import Join as Join
from jaxnn.layers.lambda_ import Lambda as Lambda
from jaxnn.layers.layer_norm import LayerNorm as LayerNorm
from jaxnn.layers.layer_norm import RMSNorm as RMSNorm
from jaxnn.layers.noise import GaussianNoise as GaussianNoise
from jaxnn.layers.norm import BatchNorm as BatchNorm
from jaxnn.layers.parallel import Parallel as Parallel
from jaxnn.layers.pool import AvgPool as AvgPool
from jaxnn.layers.pool import MaxPool as MaxPool
from jaxnn.layers.position import LearnedPositions as LearnedPositions
from jaxnn.layers.random_crop import RandomCrop as RandomCrop
from jaxnn.layers.random_flip import RandomFlip as RandomFlip
from jaxnn.layers.recurrent import GRU as GRU
from jaxnn.layers.recurrent import LSTM as LSTM
from jaxnn.layers.recurrent import SimpleRNN as SimpleRNN
from jaxnn.layers.remat import Remat as Remat
from jaxnn.layers.repeat import Repeat as Repeat
from jaxnn.layers.reshape import Flatten as Flatten
from jaxnn.layers.reshape import Reshape as Reshape
from jaxnn.layers.warp import RandomRotation as RandomRotation
from jaxnn.layers.warp import RandomTranslation as RandomTranslation
from jaxnn.layers.warp import RandomZoom as RandomZoom

# models: functions that return specs.
from jaxnn.models.gpt import GPT as GPT
from jaxnn.models.gpt import gpt as gpt
from jaxnn.models.lenet import lenet as lenet
from jaxnn.models.linear import linear_regression as linear_regression
from jaxnn.models.linear import logistic_regression as logistic_regression
from jaxnn.models.linear import perceptron as perceptron
from jaxnn.models.linear import softmax_regression as softmax_regression
from jaxnn.models.mlp import mlp as mlp
from jaxnn.models.resnet import resnet as resnet
from jaxnn.models.rnn import rnn_classifier as rnn_classifier
from jaxnn.models.transformer import TransformerEncoder as TransformerEncoder
from jaxnn.models.transformer import transformer_encoder as transformer_encoder

# optim: what Optax lacks, with every number traced.
from jaxnn.optim import schedules as schedules
from jaxnn.optim.average import averaged as averaged
from jaxnn.optim.average import ema as ema
from jaxnn.optim.average import swa as swa
from jaxnn.optim.decay import decay as decay
from jaxnn.optim.freeze import freeze as freeze
from jaxnn.optim.gradients import accumulate as accumulate
from jaxnn.optim.gradients import clip_by_norm as clip_by_norm
from jaxnn.optim.gradients import clip_by_value as clip_by_value
from jaxnn.optim.groups import group_lasso as group_lasso
from jaxnn.optim.groups import max_norm as max_norm
from jaxnn.optim.penalties import elastic_net as elastic_net
from jaxnn.optim.penalties import l1 as l1
from jaxnn.optim.penalties import l2 as l2
from jaxnn.optim.penalties import penalty as penalty
from jaxnn.optim.plateau import plateau as plateau
from jaxnn.optim.proximal import proximal_elastic_net as proximal_elastic_net
from jaxnn.optim.proximal import proximal_l1 as proximal_l1
from jaxnn.optim.proximal_adam import proximal_adam as proximal_adam
from jaxnn.optim.second_order import lbfgs as lbfgs

# sampling: text out of a language model.
from jaxnn.sampling import generate as generate

# search: how a grid spends its epochs, samplers that propose what to train next, and descent through the training.
from jaxnn.search.descend import descend as descend
from jaxnn.search.descent import Descent as Descent
from jaxnn.search.halving import Halving as Halving
from jaxnn.search.hyperband import Hyperband as Hyperband
from jaxnn.search.population_based import PopulationBased as PopulationBased
from jaxnn.search.sampler import ask_tell as ask_tell
from jaxnn.search.study import optuna as optuna

# settings: devices, precision, the cache of programs.
from jaxnn.settings import configure as configure

# train: one training, and the pieces it is made of.
from jaxnn.train.ending import DivergedWarning as DivergedWarning
from jaxnn.train.ending import Interrupted as Interrupted
from jaxnn.train.evaluation import evaluate as evaluate
from jaxnn.train.fit import fit as fit
from jaxnn.train.model import Model as Model
from jaxnn.train.population import Population as Population
from jaxnn.train.result import Run as Run
from jaxnn.train.run import run as run
from jaxnn.train.state import TrainState as TrainState
from jaxnn.train.step import init as init
from jaxnn.train.step import step as step
from jaxnn.train.stopping import EarlyStopping as EarlyStopping
from jaxnn.train.trial import Clock as Clock
from jaxnn.train.trial import Trial as Trial
