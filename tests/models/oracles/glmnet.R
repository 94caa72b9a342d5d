# Ridge logistic regression with penalty factors by block, and with an offset, by glmnet 4.1-6 (R 4.2).
# Run once in this folder: Rscript glmnet.R; it writes glmnet_data.csv and glmnet_fits.csv.
library(glmnet)
set.seed(7)
n <- 40
x <- matrix(runif(n * 7), n)  # uniform: not skewed, so that columns are only scaled
y <- rbinom(n, 1, plogis(3 * (x[, 1] - x[, 5])))
offset <- round(2 * (x[, 2] - 0.5) + rnorm(n), 3)
x <- round(x, 4)
scaled <- apply(x, 2, function(column) (column - mean(column)) / sqrt(mean((column - mean(column))^2)))
logits <- function(factors, c, offset = NULL) {
  # glmnet scales factors to the mean 1 and takes the mean loss: lambda * factor = m / (n * C).
  fit <- glmnet(scaled, y, family = "binomial", alpha = 0, standardize = FALSE, thresh = 1e-16, maxit = 1e7,
                penalty.factor = factors, lambda = mean(factors) / (n * c), offset = offset)
  drop(predict(fit, scaled, newoffset = if (is.null(offset)) NULL else rep(0, n)))
}
write.csv(data.frame(x, y, offset), "glmnet_data.csv", row.names = FALSE)
write.csv(data.frame(
  equal = logits(rep(1, 7), 0.5),
  factors_1_4 = logits(c(1, 1, 1, 1, 4, 4, 4), 0.5),
  factors_8_1 = logits(c(8, 8, 8, 8, 1, 1, 1), 0.05),
  with_offset = logits(rep(1, 7), 0.5, offset)
), "glmnet_fits.csv", row.names = FALSE)
