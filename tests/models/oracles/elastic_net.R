# Elastic-net Cox and least-squares regression, and ridge Cox regression with an offset, by glmnet 4.1-6 and survival
# 3.5-3 (R 4.2), of the tables that cox.R writes.
# Run once in this folder: Rscript elastic_net.R; it writes elastic_net_fits.csv, elastic_net_wide_fits.csv,
# cox_offset.csv and cox_offset_fits.csv.
library(survival)
library(glmnet)
narrow <- read.csv("cox_data.csv")
wide <- read.csv("cox_wide.csv")
columns <- function(table) as.matrix(table[, grep("^X", names(table))])
# glmnet has Breslow's ties and takes the mean loss: its lambda is the penalty divided by the number of cases.
options <- function(table, alpha, penalties) {
  list(x = columns(table), alpha = alpha, standardize = FALSE, lambda = penalties / nrow(table),
       thresh = 1e-20, maxit = 1e8)
}
cox <- function(table, alpha, penalties) {
  as.matrix(coef(do.call(glmnet, c(options(table, alpha, penalties),
                                   list(y = Surv(table$time, table$event), family = "cox")))))
}
# It brings values to standard deviation 1, where a squared penalty is another one; so it is given such values.
value <- function(table, alpha, penalties) {
  y <- log(table$time)
  y <- (y - mean(y)) / sqrt(mean((y - mean(y))^2))
  as.matrix(coef(do.call(glmnet, c(options(table, alpha, penalties), list(y = y)))))[-1, , drop = FALSE]
}
fits <- function(table, penalties) {
  found <- list()
  for (alpha in c(0.2, 0.8, 1)) {
    of_cox <- cox(table, alpha, penalties)
    of_value <- value(table, alpha, penalties)
    for (k in seq_along(penalties)) {
      found[[paste("cox", alpha, penalties[k], sep = "_")]] <- unname(of_cox[, k])
      found[[paste("value", alpha, penalties[k], sep = "_")]] <- unname(of_value[, k])
    }
  }
  data.frame(found)
}
write.csv(fits(narrow, c(20, 5, 1)), "elastic_net_fits.csv", row.names = FALSE)
write.csv(fits(wide, c(8, 3)), "elastic_net_wide_fits.csv", row.names = FALSE)

# Ridge Cox regression on top of a risk that is known already.
set.seed(3)
known <- round(rnorm(nrow(narrow)) + narrow$X4, 3)
x <- columns(narrow)
strict <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 200, outer.max = 50)
on_top <- list()
for (ties in c("efron", "breslow")) for (theta in c(0.5, 5, 50)) {
  on_top[[paste0(ties, "_", theta)]] <- unname(coef(coxph(
    Surv(time, event) ~ ridge(x, theta = theta, scale = FALSE) + offset(known),
    data = narrow, ties = ties, control = strict
  )))
}
write.csv(data.frame(known), "cox_offset.csv", row.names = FALSE)
write.csv(data.frame(on_top), "cox_offset_fits.csv", row.names = FALSE)
