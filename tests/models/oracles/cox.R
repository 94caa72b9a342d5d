# Ridge Cox regression, partial likelihoods and Breslow survival by survival 3.5-3 and glmnet 4.1-6 (R 4.2).
# Run once in this folder: Rscript cox.R; it writes cox_data.csv, cox_wide.csv, cox_fits.csv, cox_wide_fits.csv,
# cox_likelihoods.csv and cox_survival.csv.
library(survival)
library(glmnet)
set.seed(11)
n <- 60
x <- round(matrix(rnorm(n * 6), n), 3)
truth <- c(1, -0.7, 0.4, 0, 0, 0)
time <- ceiling(8 * rexp(n) * exp(-drop(x %*% truth))) / 2  # halves: many ties
censored <- round(runif(n, 1, 12)) / 2 + 0.5
event <- as.integer(time <= censored)
time <- pmin(time, censored)
write.csv(data.frame(time, event, x), "cox_data.csv", row.names = FALSE)

strict <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 200, outer.max = 50)
ridge_fit <- function(theta, ties) {
  coxph(Surv(time, event) ~ ridge(x, theta = theta, scale = FALSE), ties = ties, control = strict)
}
fits <- list()
for (ties in c("efron", "breslow")) for (theta in c(0.5, 5, 50)) {
  fits[[paste0(ties, "_", theta)]] <- unname(coef(ridge_fit(theta, ties)))
}
write.csv(data.frame(fits), "cox_fits.csv", row.names = FALSE)

# Partial likelihoods and martingale residuals at given coefficients.
beta <- c(0.8, -0.5, 0.3, 0.1, -0.1, 0)
at <- function(ties) coxph(Surv(time, event) ~ x, init = beta, ties = ties, control = coxph.control(iter.max = 0))
write.csv(data.frame(
  ties = c("efron", "breslow"),
  at_beta = c(at("efron")$loglik[1], at("breslow")$loglik[1]),
  zero = c(coxph(Surv(time, event) ~ 1, ties = "efron")$loglik, coxph(Surv(time, event) ~ 1, ties = "breslow")$loglik)
), "cox_likelihoods.csv", row.names = FALSE)

# Survival of three cases at four times, and the baseline hazard at x = 0, with Breslow's estimate.
fit <- at("breslow")
hazard <- basehaz(fit, centered = FALSE)
new <- list(x = rbind(c(0, 0, 0, 0, 0, 0), c(1, 1, 0, 0, 0, 0), c(-1, 0.5, 2, 0, 0, 1)))
s <- summary(survfit(fit, newdata = new), times = c(0.5, 1, 2.5, 4), extend = TRUE)
write.csv(data.frame(time = s$time, s$surv, hazard = approx(hazard$time, hazard$hazard, s$time, method = "constant",
                                                          yleft = 0, rule = 2)$y), "cox_survival.csv", row.names = FALSE)

# More columns than cases: glmnet (Breslow ties), its lambda times the number of cases is theta.
m <- 30
wide <- round(matrix(rnorm(m * 50), m), 2)
wide_time <- ceiling(6 * rexp(m) * exp(-wide[, 1])) / 2
wide_event <- rbinom(m, 1, 0.7)
write.csv(data.frame(time = wide_time, event = wide_event, wide), "cox_wide.csv", row.names = FALSE)
theta <- c(60, 6)
path <- glmnet(wide, Surv(wide_time, wide_event), family = "cox", alpha = 0, standardize = FALSE,
               lambda = theta / m, thresh = 1e-24, maxit = 1e8)
write.csv(as.matrix(coef(path)), "cox_wide_fits.csv", row.names = FALSE)
