"""Classifiers that are no networks, fitted to weighted rows of numbers, under their names."""

from limbeck.core.family import Family
from limbeck.learn.classifiers.boosted import Boosted as Boosted
from limbeck.learn.classifiers.contract import AbstractClassifier as AbstractClassifier
from limbeck.learn.classifiers.forest import Forest as Forest
from limbeck.learn.classifiers.logistic import Logistic as Logistic
from limbeck.learn.classifiers.naive_bayes import NaiveBayes as NaiveBayes
from limbeck.learn.classifiers.neighbours import Neighbours as Neighbours

CLASSIFIERS = Family("classifier", AbstractClassifier, Boosted, Forest, Logistic, NaiveBayes, Neighbours)
